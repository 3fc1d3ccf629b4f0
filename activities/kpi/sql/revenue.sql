-- Revenue of a day by traffic and currency, in minor units, which are never added up over currencies. Reads purchase.
SELECT CASE WHEN grouping(p.is_flagged) = 1 THEN 'all' WHEN p.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic,
       p.currency,
       CAST(sum(CAST(p.quantity AS DECIMAL(10, 0)) * CAST(p.unit_price AS DECIMAL(19, 0))) AS VARCHAR(40)) AS amount
  FROM purchase p
 WHERE p.currency IS NOT NULL
 GROUP BY GROUPING SETS ((p.currency), (p.currency, p.is_flagged))
