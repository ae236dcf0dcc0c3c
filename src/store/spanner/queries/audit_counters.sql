-- Every counter, in the order of its tickets.
SELECT c.EventId, c.CategoryId, c.Shard, c.Sold
FROM SoldTicketsCounter c
ORDER BY c.EventId, c.CategoryId, c.Shard
