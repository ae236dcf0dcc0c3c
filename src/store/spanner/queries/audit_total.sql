-- How many rows an audit looks at.
SELECT
    (SELECT COUNT(*) FROM SoldTicketsCounter) AS Counters,
    (SELECT COUNT(*) FROM Ticket t WHERE t.AccountId IS NOT NULL OR t.Available IS NULL) AS Tickets,
    (SELECT COUNT(*) FROM Sale) AS Sales,
    (SELECT COUNT(*) FROM Account) AS Accounts
