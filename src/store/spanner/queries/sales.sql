-- The newest sales of an account.
SELECT s.SaleId, s.AccountId, s.EventId, s.CategoryId, s.TicketIds, s.Price, s.PurchaseDate, s.IdempotencyKey
FROM Sale s
WHERE s.AccountId = @account
ORDER BY s.PurchaseDate DESC, s.SaleId
LIMIT @limit
