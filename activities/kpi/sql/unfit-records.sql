-- The first records of a day that are unfit, with what they say. Reads unfit, archived_click, archived_purchase; :most_records.
-- Whole numbers are text: one beyond 2^53 is a reason to be here. Portable.
WITH first_unfit AS (
  SELECT n.* FROM (SELECT u.*, row_number() OVER (ORDER BY u.kind, u.kafka_partition, u.kafka_offset, u.event_ms) AS place FROM unfit u) n
   WHERE n.place <= :most_records
)
SELECT k.place, k.kind, k.kafka_partition, k.kafka_offset, k.event_ms, k.session_id, k.reason, k.field, a.event_id, a.source, a.event_type, a.item_id,
       CAST(NULL AS VARCHAR(20)) AS order_id, CAST(NULL AS VARCHAR(20)) AS quantity, CAST(NULL AS VARCHAR(20)) AS unit_price,
       CAST(NULL AS VARCHAR(20)) AS currency, CAST(NULL AS VARCHAR(40)) AS amount
  FROM first_unfit k JOIN archived_click a ON k.kind = 'click' AND k.kafka_partition = a.kafka_partition AND k.kafka_offset = a.kafka_offset
                           AND k.event_ms = a.event_ms AND k.session_id = a.session_id
UNION ALL
SELECT k.place, k.kind, k.kafka_partition, k.kafka_offset, k.event_ms, k.session_id, k.reason, k.field, a.event_id, a.source, CAST(NULL AS VARCHAR(20)) AS event_type,
       a.item_id, a.order_id, CAST(a.quantity AS VARCHAR(20)) AS quantity, CAST(a.unit_price AS VARCHAR(20)) AS unit_price,
       a.currency,
       CAST(abs(CAST(a.quantity AS DECIMAL(10, 0)) * CAST(a.unit_price AS DECIMAL(19, 0))) AS VARCHAR(40)) AS amount
  FROM first_unfit k JOIN archived_purchase a ON k.kind = 'purchase' AND k.kafka_partition = a.kafka_partition AND k.kafka_offset = a.kafka_offset
                           AND k.event_ms = a.event_ms AND k.session_id = a.session_id
