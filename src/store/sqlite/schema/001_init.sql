-- Schema 1 of the embedded store. Comments stand inside the statements, where SQLite keeps them.
--
-- Ids are 16 bytes, dates are microseconds since 1970 (UTC), prices are minor units.

CREATE TABLE Meta (
    -- What the store knows about itself: Generation (raised when sales are deleted, so that a process
    -- that keeps seats in memory forgets them) and IndexedUpTo (see SaleById).
    Name TEXT NOT NULL PRIMARY KEY,
    Value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO Meta (Name, Value) VALUES ('Generation', 1), ('IndexedUpTo', 0);

CREATE TABLE MultiEvent (
    MultiEventId BLOB NOT NULL PRIMARY KEY CHECK (length(MultiEventId) = 16),
    Name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE Venue (
    VenueId BLOB NOT NULL PRIMARY KEY CHECK (length(VenueId) = 16),
    VenueName TEXT NOT NULL,
    VenueType TEXT NOT NULL,
    CountryCode TEXT NOT NULL CHECK (length(CountryCode) = 2)
) STRICT, WITHOUT ROWID;

CREATE TABLE SeatingCategory (
    VenueId BLOB NOT NULL REFERENCES Venue,
    CategoryId BLOB NOT NULL CHECK (length(CategoryId) = 16),
    -- How the venue is set up when this block exists: standard, concert, sports.
    VenueConfig TEXT NOT NULL,
    CategoryName TEXT NOT NULL,
    -- Seats are numbered 1 to Seats. The limit is that of the seat number in a ticket id (3 bytes).
    Seats INTEGER NOT NULL CHECK (Seats BETWEEN 1 AND 16777215),
    PRIMARY KEY (VenueId, CategoryId)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX SeatingCategoryById ON SeatingCategory (CategoryId);

CREATE TABLE Event (
    EventId BLOB NOT NULL PRIMARY KEY CHECK (length(EventId) = 16),
    MultiEventId BLOB NOT NULL REFERENCES MultiEvent,
    VenueId BLOB NOT NULL REFERENCES Venue,
    EventName TEXT NOT NULL,
    EventDate INTEGER NOT NULL,
    SaleDate INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX EventByMultiEventId ON Event (MultiEventId, SaleDate);
CREATE INDEX EventByDate ON Event (EventDate);

CREATE TABLE TicketCategory (
    -- The number keeps ledger and counter rows small and in order. Tickets have no rows: a ticket is a
    -- seat number of a ticket category, and its id is computed from the two.
    TicketCategoryNo INTEGER PRIMARY KEY,
    EventId BLOB NOT NULL REFERENCES Event,
    CategoryId BLOB NOT NULL CHECK (length(CategoryId) = 16),
    Price INTEGER NOT NULL CHECK (Price >= 0),
    UNIQUE (EventId, CategoryId)
) STRICT;

CREATE TABLE SoldTicketsCounter (
    -- Which tickets are sold and how many, one row for each category that has sold any. Written in the
    -- same commit as the ledger, once for each category and group of purchases.
    TicketCategoryNo INTEGER PRIMARY KEY,
    Sold INTEGER NOT NULL CHECK (Sold >= 0),
    -- One bit a seat, little-endian, padded to 8 bytes; the bits behind the last seat are set.
    SoldSeats BLOB NOT NULL
) STRICT;

CREATE TABLE Account (
    AccountId BLOB NOT NULL PRIMARY KEY CHECK (length(AccountId) = 16),
    -- Trimmed and in lower case.
    Email TEXT NOT NULL,
    Name TEXT NOT NULL,
    CountryCode TEXT NOT NULL CHECK (length(CountryCode) = 2)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX AccountByEmail ON Account (Email);

CREATE TABLE Sale (
    -- The ledger: appended, never changed. A row is at once the sale, the account's list of tickets and
    -- the record that makes a repeated purchase find the first one. Its columns need no REFERENCES: the
    -- one writer has read account and category in the same transaction.
    SaleNo INTEGER PRIMARY KEY,
    SaleId BLOB NOT NULL CHECK (length(SaleId) = 16),
    AccountId BLOB NOT NULL CHECK (length(AccountId) = 16),
    TicketCategoryNo INTEGER NOT NULL,
    -- Seat numbers in ascending order, such as 17-19,40.
    Seats TEXT NOT NULL,
    -- Price of one ticket.
    Price INTEGER NOT NULL,
    PurchaseDate INTEGER NOT NULL,
    -- Null where the buyer sent none.
    IdempotencyKey TEXT
) STRICT;

CREATE TABLE SaleById (
    -- An index of Sale that runs behind it: sales up to Meta.IndexedUpTo are in here, later ones may be.
    -- They are entered in the order of their ids, many at a time, so that neighbours share pages; at once
    -- and one by one, each would cost a page of its own.
    SaleId BLOB NOT NULL PRIMARY KEY CHECK (length(SaleId) = 16),
    SaleNo INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE Load (
    -- Loads of the catalogue that were begun, and how far they are: written in the commit of each batch.
    LoadNo INTEGER PRIMARY KEY,
    Kind TEXT NOT NULL,
    -- As text: it has 64 bits without a sign.
    Seed TEXT NOT NULL,
    Arguments TEXT NOT NULL,
    Done INTEGER NOT NULL,
    Finished INTEGER NOT NULL CHECK (Finished IN (0, 1)),
    UNIQUE (Kind, Seed)
) STRICT;
