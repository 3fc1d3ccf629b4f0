-- How many records of each kind the figures of a day may leave out. Reads unfit, known_record. Portable.
SELECT l.kind, count(*) AS records
  FROM (SELECT u.kind FROM unfit u UNION ALL SELECT k.kind FROM known_record k WHERE k.is_released = 0) l
 GROUP BY l.kind
