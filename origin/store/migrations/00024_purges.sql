-- Which stored bytes were purged, in the order of the commits, so that edges can
-- remove their copies however long they were away. Whoever adds a row holds the
-- clock's, so numbers become visible in order. swept is the last number that the
-- log no longer has.

-- +goose Up
CREATE TABLE purges (
    number    BIGINT PRIMARY KEY,
    object    TEXT NOT NULL,
    purged_at BIGINT NOT NULL
);
CREATE TABLE purge_clock (
    number BIGINT NOT NULL,
    swept  BIGINT NOT NULL
);
INSERT INTO purge_clock (number, swept) VALUES (0, 0);

-- +goose Down
DROP TABLE purge_clock;
DROP TABLE purges;
