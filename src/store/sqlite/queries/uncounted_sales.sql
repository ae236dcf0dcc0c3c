-- Sales that the counter of their category has not counted yet: none of those up to the mark.
SELECT s.TicketCategoryNo, s.Seats
FROM Sale s
LEFT JOIN SoldTicketsCounter c ON c.TicketCategoryNo = s.TicketCategoryNo
WHERE s.SaleNo > (SELECT Value FROM Meta WHERE Name = 'SettledUpTo')
    AND s.SaleNo > coalesce(c.CountedUpTo, 0)
ORDER BY s.SaleNo
