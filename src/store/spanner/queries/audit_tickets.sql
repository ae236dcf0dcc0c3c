-- Every ticket that is sold by either sign of it: an account, or not being available.
SELECT t.EventId, t.CategoryId, t.Shard, t.SeqNo, t.TicketId, t.AccountId, t.Available
FROM Ticket t
WHERE t.AccountId IS NOT NULL OR t.Available IS NULL
ORDER BY t.EventId, t.CategoryId, t.Shard, t.SeqNo
