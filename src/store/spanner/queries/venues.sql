-- Every venue with its categories, one row a category.
SELECT v.VenueId, v.VenueName, v.VenueType, v.CountryCode,
    sc.CategoryId, sc.VenueConfig, sc.CategoryName, sc.Seats
FROM Venue v
JOIN SeatingCategory sc ON sc.VenueId = v.VenueId
ORDER BY v.VenueId, sc.VenueConfig, sc.CategoryName, sc.CategoryId
