-- The ETag of an answer that is repeated. NULL: it has none, or an origin of the
-- version before kept it.

-- +goose Up
ALTER TABLE idempotent ADD COLUMN etag TEXT;

-- +goose Down
ALTER TABLE idempotent DROP COLUMN etag;
