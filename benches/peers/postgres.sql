-- The shop as one would build it on PostgreSQL: a row for each ticket, free ones found by a partial index and
-- locked with FOR UPDATE SKIP LOCKED, one function and so one round trip and one commit for a purchase.
--
-- It keeps the same promises: all tickets or none, none sold twice, the same key again is the same sale,
-- committed before the answer. In its favour: integers where Ticketshop has UUIDs, no counters (what is left
-- would be counted), no wish for neighbouring seats, and a purchase answers with one number.

CREATE TABLE account (
    account_id bigint PRIMARY KEY,
    email text NOT NULL UNIQUE
);
CREATE TABLE event (
    event_id bigint PRIMARY KEY,
    sale_date timestamptz NOT NULL,
    event_date timestamptz NOT NULL
);
CREATE TABLE ticket_category (
    category_no bigint PRIMARY KEY,
    event_id bigint NOT NULL REFERENCES event,
    seats integer NOT NULL,
    price integer NOT NULL
);
-- Room on each page, so that a sold ticket stays on its page and costs the partial index alone.
CREATE TABLE ticket (
    category_no bigint NOT NULL,
    seat integer NOT NULL,
    sale_no bigint
) WITH (fillfactor = 50);
CREATE TABLE sale (
    sale_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    category_no bigint NOT NULL,
    seats integer[] NOT NULL,
    price integer NOT NULL,
    purchase_date timestamptz NOT NULL,
    idempotency_key text,
    UNIQUE (account_id, idempotency_key)
);

INSERT INTO account SELECT no, no || '@example.com' FROM generate_series(1, :accounts) no;
CREATE TEMPORARY TABLE loaded (category_no bigint, event text, seats integer, price integer);
\copy loaded FROM pstdin WITH (FORMAT csv)
INSERT INTO event SELECT row_number() OVER (), now() - interval '1 day', now() + interval '1 year'
    FROM (SELECT DISTINCT event FROM loaded) events;
INSERT INTO ticket_category SELECT category_no, dense_rank() OVER (ORDER BY event), seats, price FROM loaded;
INSERT INTO ticket SELECT category_no, seat FROM ticket_category, generate_series(1, seats) seat;
CREATE INDEX ticket_free ON ticket (category_no, seat) WHERE sale_no IS NULL;

-- 1: sold; 2: sold before under this key; 0: nothing sold.
CREATE FUNCTION purchase(buyer bigint, category bigint, quantity integer, key text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    price_of_one integer;
    found_tickets tid[];
    found_seats integer[];
    no bigint;
BEGIN
    PERFORM FROM sale WHERE account_id = buyer AND idempotency_key = key;
    IF FOUND THEN RETURN 2; END IF;
    PERFORM FROM account WHERE account_id = buyer;
    IF NOT FOUND THEN RETURN 0; END IF;
    SELECT price INTO price_of_one FROM ticket_category JOIN event USING (event_id)
        WHERE category_no = category AND now() BETWEEN sale_date AND event_date;
    IF NOT FOUND THEN RETURN 0; END IF;
    SELECT array_agg(ctid), array_agg(seat) INTO found_tickets, found_seats FROM (
        SELECT ctid, seat FROM ticket WHERE category_no = category AND sale_no IS NULL
        ORDER BY seat LIMIT quantity FOR UPDATE SKIP LOCKED) free;
    IF coalesce(cardinality(found_seats), 0) < quantity THEN RETURN 0; END IF;
    INSERT INTO sale (account_id, category_no, seats, price, purchase_date, idempotency_key)
        VALUES (buyer, category, found_seats, price_of_one, now(), key) RETURNING sale_no INTO no;
    UPDATE ticket SET sale_no = no WHERE ctid = ANY (found_tickets);
    RETURN 1;
END $$;
VACUUM ANALYZE;
