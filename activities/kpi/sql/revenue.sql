-- What was sold and what was returned on a day by traffic and currency, in minor units, which are never added up over currencies. Reads purchase.
SELECT CASE WHEN grouping(p.is_flagged) = 1 THEN 'all' WHEN p.is_flagged THEN 'flagged' ELSE 'clean' END AS traffic,
       p.currency,
       CAST(sum(CASE WHEN p.quantity > 0 THEN CAST(p.quantity AS DECIMAL(10, 0)) ELSE 0 END
                * CAST(p.unit_price AS DECIMAL(19, 0))) AS VARCHAR(40)) AS amount,
       CAST(sum(CASE WHEN p.quantity < 0 THEN -CAST(p.quantity AS DECIMAL(10, 0)) ELSE 0 END
                * CAST(p.unit_price AS DECIMAL(19, 0))) AS VARCHAR(40)) AS returned
  FROM purchase p
 WHERE p.currency IS NOT NULL
 GROUP BY GROUPING SETS ((p.currency), (p.currency, p.is_flagged))
