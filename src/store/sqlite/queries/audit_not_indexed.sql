-- Sales that should be in the index and are not (1), entries of the index without their sale (0), and
-- ids that two sales share (1).
SELECT s.SaleId, 1
FROM Sale s
WHERE s.SaleNo <= (SELECT Value FROM Meta WHERE Name = 'SettledUpTo')
    AND NOT EXISTS (SELECT 1 FROM SaleById i WHERE i.SaleId = s.SaleId AND i.SaleNo = s.SaleNo)
UNION ALL
SELECT i.SaleId, 0
FROM SaleById i
WHERE NOT EXISTS (SELECT 1 FROM Sale s WHERE s.SaleNo = i.SaleNo AND s.SaleId = i.SaleId)
UNION ALL
SELECT s.SaleId, 1
FROM Sale s
WHERE s.SaleNo > (SELECT Value FROM Meta WHERE Name = 'SettledUpTo')
GROUP BY s.SaleId
HAVING count(*) > 1
