-- Puts every ticket up for sale again; run as partitioned DML.
UPDATE Ticket SET Available = TRUE, AccountId = NULL, PurchaseDate = NULL WHERE Available IS NULL
