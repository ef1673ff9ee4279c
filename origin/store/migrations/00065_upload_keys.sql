-- Where the bytes of an open upload may stay: each try to complete it has a key of its
-- own. Rows end with their upload.

-- +goose Up
CREATE TABLE upload_keys (
    object_key TEXT PRIMARY KEY,
    file_id    TEXT NOT NULL
);
CREATE INDEX upload_keys_of_file ON upload_keys (file_id, object_key);

-- +goose Down
DROP TABLE upload_keys;
