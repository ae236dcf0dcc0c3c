-- Schema 1 on Cloud Spanner. docs/spanner.md says why each key and index is as it is.
--
-- Ids are UUIDs as text, random (version 4) wherever they lead a key, so that no key is written in the
-- order of time. Prices are minor units. Where a purchase writes, PurchaseDate is the commit timestamp.

CREATE TABLE MultiEvent (
    MultiEventId STRING(36) NOT NULL,
    Name STRING(MAX) NOT NULL,
) PRIMARY KEY (MultiEventId);

CREATE TABLE Venue (
    VenueId STRING(36) NOT NULL,
    VenueName STRING(MAX) NOT NULL,
    VenueType STRING(MAX) NOT NULL,
    CountryCode STRING(2) NOT NULL,
) PRIMARY KEY (VenueId);

CREATE TABLE SeatingCategory (
    VenueId STRING(36) NOT NULL,
    CategoryId STRING(36) NOT NULL,
    VenueConfig STRING(MAX) NOT NULL,
    CategoryName STRING(MAX) NOT NULL,
    Seats INT64 NOT NULL,
    CONSTRAINT SeatsInTicketId CHECK (Seats >= 1 AND Seats <= 16777215),
) PRIMARY KEY (VenueId, CategoryId),
    INTERLEAVE IN PARENT Venue ON DELETE CASCADE;

CREATE UNIQUE INDEX SeatingCategoryById ON SeatingCategory (CategoryId) STORING (CategoryName, Seats);

CREATE TABLE Event (
    EventId STRING(36) NOT NULL,
    MultiEventId STRING(36) NOT NULL,
    VenueId STRING(36) NOT NULL,
    EventName STRING(MAX) NOT NULL,
    EventDate TIMESTAMP NOT NULL,
    SaleDate TIMESTAMP NOT NULL,
) PRIMARY KEY (EventId);

CREATE INDEX EventByMultiEventId ON Event (MultiEventId, SaleDate) STORING (VenueId, EventName, EventDate);

CREATE INDEX EventByDate ON Event (EventDate) STORING (MultiEventId, SaleDate);

CREATE TABLE TicketCategory (
    EventId STRING(36) NOT NULL,
    CategoryId STRING(36) NOT NULL,
    Price INT64 NOT NULL,
    CONSTRAINT PriceNotNegative CHECK (Price >= 0),
) PRIMARY KEY (EventId, CategoryId),
    INTERLEAVE IN PARENT Event ON DELETE CASCADE;

CREATE TABLE SoldTicketsCounter (
    EventId STRING(36) NOT NULL,
    CategoryId STRING(36) NOT NULL,
    Shard INT64 NOT NULL,
    Sold INT64 NOT NULL,
    CONSTRAINT SoldOfItsShard CHECK (Sold >= 0 AND Sold <= 64),
) PRIMARY KEY (EventId, CategoryId, Shard);

CREATE TABLE Ticket (
    EventId STRING(36) NOT NULL,
    CategoryId STRING(36) NOT NULL,
    Shard INT64 NOT NULL,
    SeqNo INT64 NOT NULL,
    TicketId STRING(36) NOT NULL,
    Available BOOL,
    AccountId STRING(36),
    PurchaseDate TIMESTAMP OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (EventId, CategoryId, Shard, SeqNo),
    INTERLEAVE IN PARENT SoldTicketsCounter ON DELETE CASCADE;

CREATE NULL_FILTERED INDEX TicketsAvailable ON Ticket (EventId, CategoryId, Shard, SeqNo, Available),
    INTERLEAVE IN SoldTicketsCounter;

CREATE TABLE Account (
    AccountId STRING(36) NOT NULL,
    EMail STRING(320) NOT NULL,
    Name STRING(MAX) NOT NULL,
    CountryCode STRING(2) NOT NULL,
) PRIMARY KEY (AccountId);

CREATE UNIQUE INDEX AccountByEMail ON Account (EMail) STORING (Name, CountryCode);

CREATE TABLE Sale (
    AccountId STRING(36) NOT NULL,
    SaleId STRING(36) NOT NULL,
    EventId STRING(36) NOT NULL,
    CategoryId STRING(36) NOT NULL,
    TicketIds ARRAY<STRING(36)> NOT NULL,
    Price INT64 NOT NULL,
    IdempotencyKey STRING(128),
    PurchaseDate TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (AccountId, SaleId),
    INTERLEAVE IN PARENT Account ON DELETE CASCADE;

CREATE TABLE Load (
    Kind STRING(MAX) NOT NULL,
    Seed STRING(20) NOT NULL,
    Arguments STRING(MAX) NOT NULL,
    Done INT64 NOT NULL,
    Finished BOOL NOT NULL,
    WrittenAt TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Kind, Seed);

-- The last of the batch: where it exists, all of this schema does.
CREATE TABLE SchemaMigration (
    Version INT64 NOT NULL,
    Name STRING(MAX) NOT NULL,
    AppliedAt TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
) PRIMARY KEY (Version);
