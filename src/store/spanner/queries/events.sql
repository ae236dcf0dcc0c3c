-- The events of a multi-event that are on sale now.
SELECT e.EventId, e.EventName, v.VenueName, v.CountryCode, e.EventDate
FROM Event@{FORCE_INDEX=EventByMultiEventId} e
JOIN Venue v ON v.VenueId = e.VenueId
WHERE e.MultiEventId = @multi_event AND e.SaleDate <= @now AND e.EventDate > @now
ORDER BY e.EventDate, e.EventId
