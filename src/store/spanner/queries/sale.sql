-- One sale by its id. The id begins with 60 bits of its account's, so this reads one account's sales.
SELECT s.SaleId, s.AccountId, s.EventId, s.CategoryId, s.TicketIds, s.Price, s.PurchaseDate, s.IdempotencyKey
FROM Sale s
WHERE s.AccountId BETWEEN @first_account AND @last_account AND s.SaleId = @sale
