-- The 100 items most viewed, most put into carts and most sold (in units), by traffic; ties by item_id. Reads click, purchase.
WITH amount_of AS (
  SELECT 'views' AS ranking, c.is_flagged, c.item_id, 1 AS amount FROM click c
   WHERE c.event_type = 'item_view' AND c.item_id IS NOT NULL
  UNION ALL
  SELECT 'carts' AS ranking, c.is_flagged, c.item_id, 1 AS amount FROM click c
   WHERE c.event_type = 'add_to_cart' AND c.item_id IS NOT NULL
  UNION ALL
  SELECT 'purchases' AS ranking, p.is_flagged, p.item_id, p.quantity AS amount FROM purchase p
   WHERE p.item_id IS NOT NULL AND p.quantity >= 0
),
total AS (
  SELECT a.ranking, a.item_id, CAST(sum(a.amount) AS BIGINT) AS amount,
         CASE WHEN grouping(a.is_flagged) = 1 THEN 'all' WHEN a.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic
    FROM amount_of a GROUP BY GROUPING SETS ((a.ranking, a.item_id), (a.ranking, a.item_id, a.is_flagged))
),
ranked AS (
  SELECT t.traffic, t.ranking, t.item_id, t.amount,
         row_number() OVER (PARTITION BY t.traffic, t.ranking ORDER BY t.amount DESC, t.item_id) AS place
    FROM total t
)
SELECT r.traffic, r.ranking, CAST(r.place AS BIGINT) AS place, r.item_id, r.amount FROM ranked r WHERE r.place <= 100
