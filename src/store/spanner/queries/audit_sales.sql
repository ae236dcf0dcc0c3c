-- The whole ledger.
SELECT s.SaleId, s.AccountId, s.EventId, s.CategoryId, s.TicketIds, s.Price, s.PurchaseDate, s.IdempotencyKey
FROM Sale s
