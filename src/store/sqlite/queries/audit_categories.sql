-- Every ticket category with what its tickets and its counter say.
SELECT tc.EventId, tc.CategoryId, sc.Seats, c.Sold, c.SoldSeats, tc.TicketCategoryNo
FROM TicketCategory tc
JOIN SeatingCategory sc ON sc.CategoryId = tc.CategoryId
LEFT JOIN SoldTicketsCounter c ON c.TicketCategoryNo = tc.TicketCategoryNo
ORDER BY tc.EventId, tc.CategoryId
