-- When the newest batch of each run of an edge was applied, to forget runs of long
-- ago. NULL: an origin of the version before applied it.

-- +goose Up
ALTER TABLE count_batches ADD COLUMN applied_at BIGINT;
CREATE INDEX count_batches_by_age ON count_batches (applied_at);

-- +goose Down
DROP INDEX count_batches_by_age;
ALTER TABLE count_batches DROP COLUMN applied_at;
