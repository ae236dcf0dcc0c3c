-- Tickets sold before a time, by the countries of the buyers; reads the whole ledger.
SELECT a.CountryCode, SUM(ARRAY_LENGTH(s.TicketIds)) AS Tickets
FROM Sale s
JOIN Account a ON a.AccountId = s.AccountId
WHERE s.PurchaseDate < @recent
GROUP BY a.CountryCode
