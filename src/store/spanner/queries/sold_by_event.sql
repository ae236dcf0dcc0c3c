-- How many tickets of each event are sold; reads every counter.
SELECT c.EventId, SUM(c.Sold) AS Sold
FROM SoldTicketsCounter c
GROUP BY c.EventId
