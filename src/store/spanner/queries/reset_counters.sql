-- Counts nothing as sold; run as partitioned DML.
UPDATE SoldTicketsCounter SET Sold = 0 WHERE Sold > 0
