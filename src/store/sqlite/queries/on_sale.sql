-- Every ticket category of the events on sale, with what its counter has counted and up to which sale.
SELECT e.EventId, e.EventName, v.VenueName, v.CountryCode, e.EventDate,
    tc.TicketCategoryNo, sc.Seats, coalesce(c.Sold, 0), coalesce(c.CountedUpTo, 0)
FROM Event e INDEXED BY EventByDate
JOIN Venue v ON v.VenueId = e.VenueId
JOIN TicketCategory tc ON tc.EventId = e.EventId
JOIN SeatingCategory sc ON sc.CategoryId = tc.CategoryId
LEFT JOIN SoldTicketsCounter c ON c.TicketCategoryNo = tc.TicketCategoryNo
WHERE e.SaleDate <= ?1 AND e.EventDate > ?1
ORDER BY e.EventDate, e.EventId
