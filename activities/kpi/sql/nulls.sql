-- Events of a day without a field that its figures need: a producer left it out, or it could not be read. Reads click, purchase.
WITH clicks AS (
  SELECT count(*) - count(c.event_type) AS event_type FROM click c
),
purchases AS (
  SELECT count(*) - count(p.order_id) AS order_id, count(*) - count(p.item_id) AS item_id,
         count(*) - count(p.quantity) AS quantity, count(*) - count(p.unit_price) AS unit_price,
         count(*) - count(p.currency) AS currency
    FROM purchase p
)
SELECT 'event_type' AS field, CAST(c.event_type AS BIGINT) AS events FROM clicks c
UNION ALL SELECT 'order_id' AS field, CAST(p.order_id AS BIGINT) AS events FROM purchases p
UNION ALL SELECT 'item_id' AS field, CAST(p.item_id AS BIGINT) AS events FROM purchases p
UNION ALL SELECT 'quantity' AS field, CAST(p.quantity AS BIGINT) AS events FROM purchases p
UNION ALL SELECT 'unit_price' AS field, CAST(p.unit_price AS BIGINT) AS events FROM purchases p
UNION ALL SELECT 'currency' AS field, CAST(p.currency AS BIGINT) AS events FROM purchases p
