-- What is in the trash, by how long it has been there.

-- +goose Up
CREATE INDEX files_in_trash ON files (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX folders_in_trash ON folders (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX spaces_deleted ON spaces (deleted_at) WHERE deleted_at IS NOT NULL;

-- +goose Down
DROP INDEX spaces_deleted;
DROP INDEX folders_in_trash;
DROP INDEX files_in_trash;
