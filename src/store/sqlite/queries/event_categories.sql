-- What an event sells, without what is sold of it.
SELECT tc.CategoryId, sc.CategoryName, sc.Seats, tc.Price
FROM TicketCategory tc
JOIN SeatingCategory sc INDEXED BY SeatingCategoryById ON sc.CategoryId = tc.CategoryId
WHERE tc.EventId = ?1
ORDER BY sc.CategoryName, tc.CategoryId
