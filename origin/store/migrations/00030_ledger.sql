-- Blocks of downloads that edges hand out of Redis. shares.reserved counts what
-- was ever put into a block or granted directly; block_id names the one block
-- that is open. A share is used up when all is reserved and no block is open.

-- +goose Up
ALTER TABLE shares ADD COLUMN block_id TEXT;
ALTER TABLE shares ADD COLUMN cap_epoch BIGINT NOT NULL DEFAULT 0;

-- used is what ledger_uses come to; units sinks by what is returned.
-- settled: what was not used by then is lost.
CREATE TABLE ledger_blocks (
    id         TEXT PRIMARY KEY,
    share_id   TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    units      BIGINT NOT NULL,
    used       BIGINT NOT NULL DEFAULT 0,
    touched_at BIGINT NOT NULL,
    closed_at  BIGINT,
    settled    BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX ledger_blocks_unsettled ON ledger_blocks (id) WHERE NOT settled;
CREATE INDEX ledger_blocks_closed ON ledger_blocks (closed_at) WHERE closed_at IS NOT NULL;

-- What an edge process says it served and gave back of a block, and what Redis
-- says it took: each only grows. What it took and did not give back counts as
-- served, once it fell silent.
CREATE TABLE ledger_uses (
    block_id TEXT NOT NULL,
    edge     TEXT NOT NULL,
    served   BIGINT NOT NULL,
    returned BIGINT NOT NULL DEFAULT 0,
    took     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (block_id, edge)
);

-- The newest ask of each edge process for each share, and what it was answered.
CREATE TABLE ledger_asks (
    share_id TEXT NOT NULL,
    edge     TEXT NOT NULL,
    seq      BIGINT NOT NULL,
    answer   TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (share_id, edge)
);
CREATE INDEX ledger_asks_by_age ON ledger_asks (asked_at);

-- +goose Down
DROP TABLE ledger_asks;
DROP TABLE ledger_uses;
DROP TABLE ledger_blocks;
ALTER TABLE shares DROP COLUMN cap_epoch;
ALTER TABLE shares DROP COLUMN block_id;
