-- One event, on sale or not.
SELECT e.EventId, e.EventName, v.VenueName, v.CountryCode, e.EventDate, e.MultiEventId, e.SaleDate
FROM Event e
JOIN Venue v ON v.VenueId = e.VenueId
WHERE e.EventId = ?1
