-- The anomalies that the archive gives, from its rows alone: what is late, what came twice, and every window in which a rule
-- held at an event while it was in force. A late record never raises the watermark, so that of a record follows from all
-- records before it that are the first of their session_id and event_id. Two records with one session_id and event_id and
-- different times are the one thing that this decides otherwise than the contract: the second does not move the watermark.
-- A tick moves the watermark as an event of its time would; it is no record of the archive.
-- Each log of each partition is a part of its own: offsets, watermark and duplicates begin again when a topic is made anew.
-- Reads archived_click, log_part (what is known of each part, older logs first), rule_part (which rules were in force, by offsets), tick_of_log.
WITH placed AS (
  SELECT l.part, c.kafka_offset, c.event_id, c.event_ms, c.append_ms, c.session_id, c.item_id,
         row_number() OVER (PARTITION BY l.part, c.session_id, c.event_id ORDER BY c.kafka_offset) AS place
    FROM archived_click c JOIN log_part l ON l.kafka_partition = c.kafka_partition AND l.log = c.log
),
tick AS (
  SELECT l.part, t.kafka_offset, max(t.tick_ms) OVER (PARTITION BY l.part ORDER BY t.kafka_offset) AS tick_ms
    FROM tick_of_log t JOIN log_part l ON l.kafka_partition = t.kafka_partition AND l.log = t.log
),
timed AS (
  SELECT p.*, greatest(l.before_ms, coalesce(k.tick_ms, l.before_ms), coalesce(max(CASE WHEN p.place = 1 THEN least(p.event_ms, p.append_ms) END) OVER (
           PARTITION BY p.part ORDER BY p.kafka_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ), l.before_ms)) - :lateness_ms AS watermark_ms
    FROM placed p JOIN log_part l ON l.part = p.part
    ASOF LEFT JOIN tick k ON k.part = p.part AND p.kafka_offset > k.kafka_offset
),
on_time AS (
  SELECT t.*, row_number() OVER (PARTITION BY t.part, t.session_id, t.event_id ORDER BY t.kafka_offset) AS time_in
    FROM timed t WHERE t.event_ms >= t.watermark_ms
),
accepted AS (
  SELECT o.* FROM on_time o WHERE o.time_in = 1 AND o.event_ms >= :from_ms AND o.event_ms < :to_ms + :longest_ms
),
rule_version AS (
  SELECT DISTINCT r.rule_id, r.rule_version, r.mode, r.window_ms, r.slide_ms, r.min_events, r.max_items, r.max_ratio
    FROM rule_part r
),
windowed AS (
  SELECT a.part, a.kafka_offset, a.session_id, a.item_id, v.*,
         (a.event_ms // v.slide_ms - k.slide) * v.slide_ms AS start_ms
    FROM accepted a CROSS JOIN rule_version v CROSS JOIN range(0, :most_slides) AS k(slide)
   WHERE k.slide < v.window_ms // v.slide_ms
),
busy AS (
  SELECT w.part, w.session_id, w.rule_id, w.rule_version, w.mode, w.start_ms, w.window_ms, w.min_events,
         w.max_items, w.max_ratio, count(*) AS event_count, count(DISTINCT w.item_id) AS distinct_items,
         min(w.kafka_offset) AS first_offset, max(w.kafka_offset) AS last_offset
    FROM windowed w WHERE w.start_ms >= :from_ms AND w.start_ms < :to_ms
   GROUP BY ALL HAVING count(*) >= w.min_events
),
first_items AS (
  SELECT w.part, w.session_id, w.rule_id, w.rule_version, w.mode, w.start_ms, w.kafka_offset, w.min_events,
         w.max_items, w.max_ratio,
         CASE WHEN w.item_id IS NOT NULL AND row_number() OVER (
           PARTITION BY w.part, w.session_id, w.rule_id, w.rule_version, w.mode, w.start_ms, w.item_id
           ORDER BY w.kafka_offset) = 1 THEN 1 ELSE 0 END AS is_new_item
    FROM windowed w
    JOIN busy b USING (part, session_id, rule_id, rule_version, mode, start_ms)
),
running AS (
  SELECT f.*, count(*) OVER so_far AS events_so_far, sum(f.is_new_item) OVER so_far AS items_so_far
    FROM first_items f
  WINDOW so_far AS (PARTITION BY f.part, f.session_id, f.rule_id, f.rule_version, f.mode, f.start_ms
                    ORDER BY f.kafka_offset ROWS UNBOUNDED PRECEDING)
),
crossed AS (
  SELECT r.part, r.session_id, r.rule_id, r.rule_version, r.mode, r.start_ms, min(r.kafka_offset) AS crossed_offset
    FROM running r
    JOIN rule_part p ON p.part = r.part AND p.rule_id = r.rule_id AND p.rule_version = r.rule_version
                    AND p.mode = r.mode AND r.kafka_offset >= p.from_offset AND r.kafka_offset < p.to_offset
   WHERE r.events_so_far >= r.min_events
     AND r.items_so_far <= coalesce(r.max_items, floor(r.max_ratio * r.events_so_far * (1 + 1e-15)), 9e18)
   GROUP BY r.part, r.session_id, r.rule_id, r.rule_version, r.mode, r.start_ms
),
first_version AS (
  SELECT c.*, row_number() OVER (PARTITION BY c.session_id, c.rule_id, c.mode, c.start_ms ORDER BY l.log, c.crossed_offset) AS turn
    FROM crossed c JOIN log_part l ON l.part = c.part
)
SELECT b.session_id, b.rule_id, b.rule_version, b.mode, b.start_ms AS window_start_ms, l.kafka_partition, b.event_count,
       b.distinct_items, b.first_offset, b.last_offset,
       CASE WHEN b.start_ms + b.window_ms > l.last_ms - :lateness_ms THEN 'open'
            WHEN b.distinct_items <= coalesce(b.max_items, floor(b.max_ratio * b.event_count * (1 + 1e-15)), 9e18) THEN 'confirmed'
            ELSE 'retracted' END AS status
  FROM first_version v
  JOIN busy b USING (part, session_id, rule_id, rule_version, mode, start_ms)
  JOIN log_part l ON l.part = b.part
 WHERE v.turn = 1
