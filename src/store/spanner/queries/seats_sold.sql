-- How many tickets of each category of an event are sold: the sum of its counters.
SELECT c.CategoryId, SUM(c.Sold) AS Sold
FROM SoldTicketsCounter c
WHERE c.EventId = @event
GROUP BY c.CategoryId
