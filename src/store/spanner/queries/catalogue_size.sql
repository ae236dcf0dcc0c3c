-- How much there is; reads every ticket category and every counter.
SELECT
    (SELECT COUNT(*) FROM Venue) AS Venues,
    (SELECT COUNT(*) FROM MultiEvent) AS MultiEvents,
    (SELECT COUNT(*) FROM Event) AS Events,
    (SELECT SUM(sc.Seats)
        FROM TicketCategory tc
        JOIN SeatingCategory@{FORCE_INDEX=SeatingCategoryById} sc ON sc.CategoryId = tc.CategoryId) AS Tickets,
    (SELECT SUM(c.Sold) FROM SoldTicketsCounter c) AS Sold
