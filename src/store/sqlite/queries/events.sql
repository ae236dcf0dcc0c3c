-- The events of a multi-event that are on sale now.
SELECT e.EventId, e.EventName, v.VenueName, v.CountryCode, e.EventDate
FROM Event e INDEXED BY EventByMultiEventId
JOIN Venue v ON v.VenueId = e.VenueId
WHERE e.MultiEventId = ?1 AND e.SaleDate <= ?2 AND e.EventDate > ?2
ORDER BY e.EventDate, e.EventId
