-- The ledger behind a sale, with the countries of the buyers; a part of it at a time.
SELECT s.SaleNo, s.Seats, s.PurchaseDate, a.CountryCode
FROM Sale s
JOIN Account a ON a.AccountId = s.AccountId
WHERE s.SaleNo > ?1
ORDER BY s.SaleNo
LIMIT ?2
