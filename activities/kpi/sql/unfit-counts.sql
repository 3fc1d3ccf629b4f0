-- How many records of a day are unfit, by reason. Reads unfit. Portable.
SELECT u.reason, u.field, count(*) AS records FROM unfit u GROUP BY u.reason, u.field
