-- One event, on sale or not, with what it sells: one row a category, or one without where it sells nothing.
SELECT e.EventId, e.EventName, v.VenueName, v.CountryCode, e.EventDate, e.MultiEventId, e.SaleDate,
    tc.CategoryId, sc.CategoryName, sc.Seats, tc.Price
FROM Event e
JOIN Venue v ON v.VenueId = e.VenueId
LEFT JOIN TicketCategory tc ON tc.EventId = e.EventId
LEFT JOIN SeatingCategory@{FORCE_INDEX=SeatingCategoryById} sc ON sc.CategoryId = tc.CategoryId
WHERE e.EventId = @event
ORDER BY sc.CategoryName, tc.CategoryId
