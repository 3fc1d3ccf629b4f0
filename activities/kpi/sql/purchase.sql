-- The purchases of a day, each event once (by session_id and event_id), with whether their session is flagged. Reads archived_purchase, flagged_session.
WITH of_day AS (
  SELECT p.kafka_partition, p.kafka_offset, p.event_id, p.event_ms, p.session_id,
         CASE WHEN trim(p.user_id) IN ('', '-', '""', '"-"', '''''') THEN NULL ELSE p.user_id END AS user_id, p.order_id, p.item_id,
         p.quantity, p.unit_price, p.currency
    FROM archived_purchase p
   WHERE p.event_ms >= :from_ms AND p.event_ms < :to_ms
),
placed AS (
  SELECT o.*, row_number() OVER (PARTITION BY o.session_id, o.event_id ORDER BY o.kafka_partition, o.kafka_offset) AS place
    FROM of_day o
)
SELECT p.kafka_partition, p.kafka_offset, p.event_ms, p.session_id, p.user_id, p.order_id, p.item_id, p.quantity,
       p.unit_price, p.currency, f.session_id IS NOT NULL AS is_flagged
  FROM placed p LEFT JOIN flagged_session f ON f.session_id = p.session_id
 WHERE p.place = 1
