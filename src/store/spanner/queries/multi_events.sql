-- Multi-events with an event of this day on sale now, each once, in pages by id.
SELECT m.MultiEventId, m.Name
FROM MultiEvent m
WHERE m.MultiEventId > @after
    AND m.MultiEventId IN (
        SELECT e.MultiEventId
        FROM Event@{FORCE_INDEX=EventByDate} e
        WHERE e.EventDate >= @begin AND e.EventDate < @end AND e.EventDate > @now AND e.SaleDate <= @now)
ORDER BY m.MultiEventId
LIMIT @limit
