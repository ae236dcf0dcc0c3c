-- When the first and the last event begin: the two ends of one index.
SELECT
    (SELECT e.EventDate FROM Event@{FORCE_INDEX=EventByDate} e ORDER BY e.EventDate LIMIT 1) AS FirstDate,
    (SELECT e.EventDate FROM Event@{FORCE_INDEX=EventByDate} e ORDER BY e.EventDate DESC LIMIT 1) AS LastDate
