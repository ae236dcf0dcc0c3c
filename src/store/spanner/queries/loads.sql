-- Loads that were begun, the latest written last.
SELECT l.Kind, l.Seed, l.Arguments, l.Done, l.Finished
FROM Load l
ORDER BY l.WrittenAt
