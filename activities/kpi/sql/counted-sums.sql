-- How full the sums of a day are: absolute amounts by currency, and units, as text; and clicks of no known type, which only a
-- decision lets count. Reads click, purchase. Portable.
SELECT 'amount' AS name, p.currency,
       CAST(sum(abs(CAST(p.quantity AS DECIMAL(10, 0)) * CAST(p.unit_price AS DECIMAL(19, 0)))) AS VARCHAR(40)) AS value
  FROM purchase p WHERE p.currency IS NOT NULL AND p.quantity IS NOT NULL AND p.unit_price IS NOT NULL GROUP BY p.currency
UNION ALL
SELECT 'units' AS name, CAST(NULL AS VARCHAR(20)) AS currency,
       CAST(coalesce(sum(abs(CAST(p.quantity AS DECIMAL(10, 0)))), 0) AS VARCHAR(40)) AS value
  FROM purchase p
UNION ALL
SELECT 'unknown_types' AS name, CAST(NULL AS VARCHAR(20)) AS currency, CAST(count(*) AS VARCHAR(40)) AS value
  FROM click c WHERE c.event_type NOT IN ('page_view', 'item_view', 'add_to_cart', 'remove_from_cart', 'checkout')
