-- How many tickets of each category of an event are sold; categories that sold none are missing.
SELECT tc.CategoryId, c.Sold
FROM TicketCategory tc
JOIN SoldTicketsCounter c ON c.TicketCategoryNo = tc.TicketCategoryNo
WHERE tc.EventId = ?1
