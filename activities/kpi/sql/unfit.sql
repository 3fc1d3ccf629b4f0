-- Records of a day that lack a field which its figures need, that are beyond the bounds of an event (they were archived before there
-- were any), or that break a sum, each with the first reason that applies.
-- What a decision has released is only held against the sums. Where a sum does not hold all amounts, the largest ones are
-- left out, and equal ones together: what is left cannot depend on the order of the log. The sums are those of absolute
-- amounts, so that the figures of every part of the traffic, returns included, fit as well.
-- Reads day_click, day_purchase, known_record; :max_sum, :max_quantity, :max_amount. Portable.
WITH open_click AS (
  SELECT c.kafka_partition, c.kafka_offset, c.event_ms, c.session_id, c.event_type
    FROM day_click c LEFT JOIN known_record k ON k.kind = 'click' AND k.kafka_partition = c.kafka_partition AND k.kafka_offset = c.kafka_offset
                           AND k.event_ms = c.event_ms AND k.session_id = c.session_id
   WHERE k.kind IS NULL
     AND (c.event_type IS NULL
          OR c.event_type NOT IN ('page_view', 'item_view', 'add_to_cart', 'remove_from_cart', 'checkout'))
),
sale AS (
  SELECT p.kafka_partition, p.kafka_offset, p.event_ms, p.session_id, p.currency, k.kind IS NULL AS is_open,
         abs(CAST(p.quantity AS DECIMAL(10, 0))) AS units,
         abs(CAST(p.quantity AS DECIMAL(10, 0)) * CAST(p.unit_price AS DECIMAL(19, 0))) AS amount,
         CASE WHEN p.order_id IS NULL THEN 'order_id' WHEN p.item_id IS NULL THEN 'item_id'
              WHEN p.quantity IS NULL THEN 'quantity' WHEN p.unit_price IS NULL THEN 'unit_price'
              WHEN p.currency IS NULL THEN 'currency' END AS missing,
         CASE WHEN p.quantity < -:max_quantity OR p.quantity > :max_quantity THEN 'quantity'
              WHEN p.unit_price < 0 OR p.unit_price > :max_amount THEN 'unit_price'
              WHEN abs(CAST(p.quantity AS DECIMAL(10, 0)) * CAST(p.unit_price AS DECIMAL(19, 0))) > :max_amount
              THEN 'amount' END AS beyond
    FROM day_purchase p LEFT JOIN known_record k ON k.kind = 'purchase' AND k.kafka_partition = p.kafka_partition AND k.kafka_offset = p.kafka_offset
                           AND k.event_ms = p.event_ms AND k.session_id = p.session_id
   WHERE k.kind IS NULL OR k.is_released = 1
),
whole AS (
  SELECT s.* FROM sale s WHERE s.missing IS NULL AND s.beyond IS NULL OR NOT s.is_open
),
large_currency AS (
  SELECT w.currency FROM whole w WHERE w.currency IS NOT NULL AND w.amount IS NOT NULL
   GROUP BY w.currency HAVING sum(w.amount) > :max_sum
),
running_amount AS (
  SELECT w.kafka_partition, w.kafka_offset, w.event_ms, w.session_id,
         sum(w.amount) OVER (PARTITION BY w.currency ORDER BY w.amount
                             RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far
    FROM whole w JOIN large_currency l ON l.currency = w.currency WHERE w.amount IS NOT NULL
),
large_amount AS (
  SELECT r.kafka_partition, r.kafka_offset, r.event_ms, r.session_id FROM running_amount r WHERE r.so_far > :max_sum
),
counted AS (
  SELECT w.* FROM whole w
   WHERE w.units IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM large_amount k WHERE k.kafka_partition = w.kafka_partition AND k.kafka_offset = w.kafka_offset
                           AND k.event_ms = w.event_ms AND k.session_id = w.session_id)
),
units_total AS (
  SELECT t.units FROM (SELECT sum(c.units) AS units FROM counted c) t WHERE t.units > :max_sum
),
running_units AS (
  SELECT c.kafka_partition, c.kafka_offset, c.event_ms, c.session_id,
         sum(c.units) OVER (ORDER BY c.units RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far
    FROM counted c CROSS JOIN units_total t
)
SELECT 'click' AS kind, c.kafka_partition, c.kafka_offset, c.event_ms, c.session_id,
       CASE WHEN c.event_type IS NULL THEN 'MISSING_FIELD' ELSE 'UNKNOWN_EVENT_TYPE' END AS reason,
       CASE WHEN c.event_type IS NULL THEN 'event_type' END AS field
  FROM open_click c
UNION ALL
SELECT 'purchase' AS kind, s.kafka_partition, s.kafka_offset, s.event_ms, s.session_id, 'MISSING_FIELD' AS reason, s.missing AS field
  FROM sale s WHERE s.is_open AND s.missing IS NOT NULL
UNION ALL
SELECT 'purchase' AS kind, s.kafka_partition, s.kafka_offset, s.event_ms, s.session_id, 'OUT_OF_BOUNDS' AS reason, s.beyond AS field
  FROM sale s WHERE s.is_open AND s.missing IS NULL AND s.beyond IS NOT NULL
UNION ALL
SELECT 'purchase' AS kind, l.kafka_partition, l.kafka_offset, l.event_ms, l.session_id, 'REVENUE_OVERFLOW' AS reason, CAST(NULL AS VARCHAR(20)) AS field
  FROM large_amount l
UNION ALL
SELECT 'purchase' AS kind, r.kafka_partition, r.kafka_offset, r.event_ms, r.session_id, 'UNITS_OVERFLOW' AS reason, CAST(NULL AS VARCHAR(20)) AS field
  FROM running_units r WHERE r.so_far > :max_sum
