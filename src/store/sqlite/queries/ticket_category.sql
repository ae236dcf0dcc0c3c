-- All that a purchase must know of a ticket category, with the seats that are counted as sold.
SELECT tc.TicketCategoryNo, tc.Price, e.SaleDate, e.EventDate, sc.Seats, c.Sold, c.SoldSeats,
    coalesce(c.CountedUpTo, 0)
FROM TicketCategory tc
JOIN Event e ON e.EventId = tc.EventId
JOIN SeatingCategory sc ON sc.CategoryId = tc.CategoryId
LEFT JOIN SoldTicketsCounter c ON c.TicketCategoryNo = tc.TicketCategoryNo
WHERE tc.EventId = ?1 AND tc.CategoryId = ?2
