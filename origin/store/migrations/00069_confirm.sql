-- Whether a link's bytes are for those alone who have opened it by POST. An origin of
-- the version before doesn't tell the edges of it: make no such link before the last
-- one is replaced.

-- +goose Up
ALTER TABLE shares ADD COLUMN confirm BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE shares DROP COLUMN confirm;
