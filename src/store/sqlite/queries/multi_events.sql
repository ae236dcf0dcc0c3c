-- Multi-events with an event of this day on sale now, each once, in pages by id.
SELECT m.MultiEventId, m.Name
FROM MultiEvent m
WHERE m.MultiEventId IN (
        SELECT e.MultiEventId
        FROM Event e INDEXED BY EventByDate
        WHERE e.EventDate >= ?1 AND e.EventDate < ?2 AND e.EventDate > ?3 AND e.SaleDate <= ?3)
    AND m.MultiEventId > ?4
ORDER BY m.MultiEventId
LIMIT ?5
