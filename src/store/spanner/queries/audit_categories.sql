-- Every ticket category with its seats, in the order of audit_counters and audit_tickets.
SELECT tc.EventId, tc.CategoryId, sc.Seats
FROM TicketCategory tc
JOIN SeatingCategory@{FORCE_INDEX=SeatingCategoryById} sc ON sc.CategoryId = tc.CategoryId
ORDER BY tc.EventId, tc.CategoryId
