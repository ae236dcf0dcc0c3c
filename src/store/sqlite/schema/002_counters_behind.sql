-- Schema 2: counters run behind the ledger, as the index by id does. Each says how far it has counted, and
-- one mark, which was that of the index alone, says what is done for good.

ALTER TABLE SoldTicketsCounter ADD COLUMN CountedUpTo INTEGER NOT NULL DEFAULT 0;
UPDATE SoldTicketsCounter SET CountedUpTo = (SELECT coalesce(max(SaleNo), 0) FROM Sale);
UPDATE Meta SET Name = 'SettledUpTo' WHERE Name = 'IndexedUpTo';
