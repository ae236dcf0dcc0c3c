-- How much there is; reads every ticket category.
SELECT
    (SELECT count(*) FROM Venue),
    (SELECT count(*) FROM MultiEvent),
    (SELECT count(*) FROM Event),
    (SELECT coalesce(sum(sc.Seats), 0)
        FROM TicketCategory tc JOIN SeatingCategory sc ON sc.CategoryId = tc.CategoryId),
    (SELECT coalesce(sum(Sold), 0) FROM SoldTicketsCounter)
