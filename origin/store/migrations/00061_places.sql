-- Lists of one place are read in pages too. A file is in the trash with its
-- folder, whose row alone says so; untold_folders are the folders whose links have
-- yet to be announced after such a change, from the file behind (after_at,
-- after_id) on. An origin of the version before takes such files for live: trash no
-- folder before the last one is replaced.

-- +goose Up
DROP INDEX files_of_space;
DROP INDEX files_of_folder;
DROP INDEX folders_of_space;
DROP INDEX folders_of_parent;
CREATE INDEX files_of_root ON files (space_id, created_at, id) WHERE folder_id IS NULL;
CREATE INDEX files_of_folder ON files (folder_id, created_at, id);
CREATE INDEX folders_of_root ON folders (space_id, created_at, id) WHERE parent_id IS NULL;
CREATE INDEX folders_of_parent ON folders (parent_id, created_at, id);
CREATE TABLE untold_folders (
    folder_id  TEXT PRIMARY KEY,
    after_at   BIGINT NOT NULL,
    after_id   TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX untold_folders_by_age ON untold_folders (created_at);

-- +goose Down
DROP TABLE untold_folders;
DROP INDEX folders_of_parent;
DROP INDEX folders_of_root;
DROP INDEX files_of_folder;
DROP INDEX files_of_root;
CREATE INDEX files_of_space ON files (space_id, folder_id);
CREATE INDEX files_of_folder ON files (folder_id);
CREATE INDEX folders_of_space ON folders (space_id, parent_id);
CREATE INDEX folders_of_parent ON folders (parent_id);
