-- Counts of a day by traffic. A purchase of a negative quantity is a return. Reads click, purchase.
WITH event AS (
  SELECT c.is_flagged, c.session_id, c.user_id, c.event_ms, c.event_type FROM click c
  UNION ALL
  SELECT p.is_flagged, p.session_id, p.user_id, p.event_ms,
         CASE WHEN p.quantity < 0 THEN 'return' ELSE 'purchase' END AS event_type
    FROM purchase p
),
session_span AS (
  SELECT e.is_flagged, e.session_id, max(e.event_ms) - min(e.event_ms) AS span_ms,
         max(CASE WHEN e.event_type = 'purchase' THEN 1 ELSE 0 END) AS has_bought
    FROM event e GROUP BY e.is_flagged, e.session_id
),
session_figures AS (
  SELECT CASE WHEN grouping(s.is_flagged) = 1 THEN 'all' WHEN s.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic,
         count(*) AS sessions, sum(s.span_ms) AS session_ms, sum(s.has_bought) AS buying_sessions
    FROM session_span s GROUP BY GROUPING SETS ((), (s.is_flagged))
),
event_figures AS (
  SELECT CASE WHEN grouping(e.is_flagged) = 1 THEN 'all' WHEN e.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic,
         sum(CASE WHEN e.event_type IN ('purchase', 'return') THEN 0 ELSE 1 END) AS events,
         count(DISTINCT e.user_id) AS users,
         sum(CASE WHEN e.event_type = 'page_view' THEN 1 ELSE 0 END) AS page_views,
         sum(CASE WHEN e.event_type = 'item_view' THEN 1 ELSE 0 END) AS item_views,
         sum(CASE WHEN e.event_type = 'add_to_cart' THEN 1 ELSE 0 END) AS add_to_carts,
         sum(CASE WHEN e.event_type = 'remove_from_cart' THEN 1 ELSE 0 END) AS remove_from_carts,
         sum(CASE WHEN e.event_type = 'checkout' THEN 1 ELSE 0 END) AS checkouts,
         sum(CASE WHEN e.event_type = 'purchase' THEN 1 ELSE 0 END) AS purchases,
         sum(CASE WHEN e.event_type = 'return' THEN 1 ELSE 0 END) AS returns
    FROM event e GROUP BY GROUPING SETS ((), (e.is_flagged))
),
order_figures AS (
  SELECT CASE WHEN grouping(p.is_flagged) = 1 THEN 'all' WHEN p.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic,
         count(DISTINCT CASE WHEN p.quantity < 0 THEN NULL ELSE p.order_id END) AS orders,
         sum(CASE WHEN p.quantity > 0 THEN p.quantity ELSE 0 END) AS units_sold,
         sum(CASE WHEN p.quantity < 0 THEN -CAST(p.quantity AS BIGINT) ELSE 0 END) AS units_returned
    FROM purchase p GROUP BY GROUPING SETS ((), (p.is_flagged))
)
SELECT e.traffic,
       CAST(e.events AS BIGINT) AS events, CAST(s.sessions AS BIGINT) AS sessions, CAST(e.users AS BIGINT) AS users,
       CAST(e.page_views AS BIGINT) AS page_views, CAST(e.item_views AS BIGINT) AS item_views,
       CAST(e.add_to_carts AS BIGINT) AS add_to_carts, CAST(e.remove_from_carts AS BIGINT) AS remove_from_carts,
       CAST(e.checkouts AS BIGINT) AS checkouts, CAST(e.purchases AS BIGINT) AS purchases,
       CAST(coalesce(o.orders, 0) AS BIGINT) AS orders, CAST(coalesce(o.units_sold, 0) AS BIGINT) AS units_sold,
       CAST(e.returns AS BIGINT) AS returns, CAST(coalesce(o.units_returned, 0) AS BIGINT) AS units_returned,
       CAST(s.buying_sessions AS BIGINT) AS buying_sessions, CAST(s.session_ms AS BIGINT) AS session_ms
  FROM event_figures e
  JOIN session_figures s ON s.traffic = e.traffic
  LEFT JOIN order_figures o ON o.traffic = e.traffic
 WHERE e.events IS NOT NULL
