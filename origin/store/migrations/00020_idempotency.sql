-- Requests that carry an Idempotency-Key. Keys and requests are kept as hashes,
-- answers sealed. reserved_id is the id of whatever the request makes, so that a
-- repetition whose first answer was lost finds it instead of making another.

-- +goose Up
CREATE TABLE idempotent (
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    key_hash     TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    reserved_id  TEXT NOT NULL,
    lease_until  BIGINT NOT NULL,
    status       BIGINT,
    answer       TEXT,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key_hash)
);
CREATE INDEX idempotent_by_age ON idempotent (created_at);

-- +goose Down
DROP TABLE idempotent;
