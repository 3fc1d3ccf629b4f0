-- How many sessions came to each step, at the time of the step before it or later, by traffic. Reads click, purchase.
WITH viewed AS (
  SELECT c.is_flagged, c.session_id, min(c.event_ms) AS at_ms
    FROM click c WHERE c.event_type = 'item_view' GROUP BY c.is_flagged, c.session_id
),
carted AS (
  SELECT v.is_flagged, v.session_id, min(c.event_ms) AS at_ms
    FROM viewed v JOIN click c ON c.session_id = v.session_id
   WHERE c.event_type = 'add_to_cart' AND c.event_ms >= v.at_ms GROUP BY v.is_flagged, v.session_id
),
checked_out AS (
  SELECT v.is_flagged, v.session_id, min(c.event_ms) AS at_ms
    FROM carted v JOIN click c ON c.session_id = v.session_id
   WHERE c.event_type = 'checkout' AND c.event_ms >= v.at_ms GROUP BY v.is_flagged, v.session_id
),
purchased AS (
  SELECT v.is_flagged, v.session_id, min(p.event_ms) AS at_ms
    FROM checked_out v JOIN purchase p ON p.session_id = v.session_id
   WHERE p.event_ms >= v.at_ms AND coalesce(p.quantity, 0) >= 0 GROUP BY v.is_flagged, v.session_id
),
reached AS (
  SELECT 'viewed' AS step, v.is_flagged FROM viewed v
  UNION ALL SELECT 'carted' AS step, c.is_flagged FROM carted c
  UNION ALL SELECT 'checked_out' AS step, o.is_flagged FROM checked_out o
  UNION ALL SELECT 'purchased' AS step, p.is_flagged FROM purchased p
)
SELECT CASE WHEN grouping(r.is_flagged) = 1 THEN 'all' WHEN r.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic,
       r.step, count(*) AS sessions
  FROM reached r GROUP BY GROUPING SETS ((r.step), (r.step, r.is_flagged))
