-- Every ticket category of the events on sale.
SELECT e.EventId, e.EventName, v.VenueName, v.CountryCode, e.EventDate, sc.Seats
FROM Event@{FORCE_INDEX=EventByDate} e
JOIN Venue v ON v.VenueId = e.VenueId
JOIN TicketCategory tc ON tc.EventId = e.EventId
JOIN SeatingCategory@{FORCE_INDEX=SeatingCategoryById} sc ON sc.CategoryId = tc.CategoryId
WHERE e.SaleDate <= @now AND e.EventDate > @now
ORDER BY e.EventDate, e.EventId
