-- Every category that has tickets, with its last shard.
SELECT c.EventId, c.CategoryId, MAX(c.Shard) AS LastShard
FROM SoldTicketsCounter c
GROUP BY c.EventId, c.CategoryId
