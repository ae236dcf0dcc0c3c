-- How many tickets of each category of an event are counted as sold, and up to which sale.
SELECT tc.CategoryId, tc.TicketCategoryNo, coalesce(c.Sold, 0), coalesce(c.CountedUpTo, 0)
FROM TicketCategory tc
LEFT JOIN SoldTicketsCounter c ON c.TicketCategoryNo = tc.TicketCategoryNo
WHERE tc.EventId = ?1
