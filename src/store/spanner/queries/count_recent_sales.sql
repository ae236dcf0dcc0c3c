-- Sales of late, with the countries of the buyers; reads the whole ledger.
SELECT a.CountryCode, s.PurchaseDate, ARRAY_LENGTH(s.TicketIds) AS Tickets
FROM Sale s
JOIN Account a ON a.AccountId = s.AccountId
WHERE s.PurchaseDate >= @recent
