-- The clicks of a day, each event once: of several with one session_id and event_id, the first in the log, with whether their session is flagged.
-- Reads archived_click, flagged_session. Portable: DuckDB and Spark SQL run it as it is.
WITH of_day AS (
  SELECT c.kafka_partition, c.kafka_offset, c.event_id, c.event_ms, c.session_id,
         CASE WHEN trim(c.user_id) IN ('', '-', '""', '"-"', '''''') THEN NULL ELSE c.user_id END AS user_id, c.event_type, c.item_id
    FROM archived_click c
   WHERE c.event_ms >= :from_ms AND c.event_ms < :to_ms
),
repeated AS (
  SELECT o.session_id, o.event_id FROM of_day o GROUP BY o.session_id, o.event_id HAVING count(*) > 1
),
placed AS (
  SELECT o.*, row_number() OVER (PARTITION BY o.session_id, o.event_id ORDER BY o.kafka_partition, o.kafka_offset) AS place
    FROM of_day o JOIN repeated r ON r.session_id = o.session_id AND r.event_id = o.event_id
),
once AS (
  SELECT o.kafka_partition, o.kafka_offset, o.event_ms, o.session_id, o.user_id, o.event_type, o.item_id
    FROM of_day o WHERE NOT EXISTS (SELECT 1 FROM repeated r WHERE r.session_id = o.session_id AND r.event_id = o.event_id)
  UNION ALL
  SELECT p.kafka_partition, p.kafka_offset, p.event_ms, p.session_id, p.user_id, p.event_type, p.item_id
    FROM placed p WHERE p.place = 1
)
SELECT o.kafka_partition, o.kafka_offset, o.event_ms, o.session_id, o.user_id, o.event_type, o.item_id,
       f.session_id IS NOT NULL AS is_flagged
  FROM once o LEFT JOIN flagged_session f ON f.session_id = o.session_id
