-- When a file was last scanned, for scanning it again after signatures changed.

-- +goose Up
ALTER TABLE files ADD COLUMN scanned_at BIGINT;

-- +goose Down
ALTER TABLE files DROP COLUMN scanned_at;
