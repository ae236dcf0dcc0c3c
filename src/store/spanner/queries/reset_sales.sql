-- Some sales of the accounts from one id to another, to be undone; locks that range.
SELECT s.AccountId, s.SaleId, s.EventId, s.CategoryId, s.TicketIds
FROM Sale s
WHERE s.AccountId BETWEEN @first AND @last
LIMIT @limit
