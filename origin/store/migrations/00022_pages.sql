-- Lists are read in pages, by (created_at, id) from where the last page ended.

-- +goose Up
DROP INDEX spaces_of_tenant;
DROP INDEX files_of_tenant;
DROP INDEX shares_of_tenant;
DROP INDEX shares_of_file;
CREATE INDEX spaces_of_tenant ON spaces (tenant_id, created_at, id);
CREATE INDEX folders_of_tenant ON folders (tenant_id, created_at, id);
CREATE INDEX files_of_tenant ON files (tenant_id, created_at, id);
CREATE INDEX shares_of_tenant ON shares (tenant_id, created_at, id);
CREATE INDEX folders_by_age ON folders (space_id, created_at, id);
CREATE INDEX files_by_age ON files (space_id, created_at, id);
CREATE INDEX shares_of_file ON shares (file_id, created_at, id);

-- +goose Down
DROP INDEX shares_of_file;
DROP INDEX files_by_age;
DROP INDEX folders_by_age;
DROP INDEX shares_of_tenant;
DROP INDEX files_of_tenant;
DROP INDEX folders_of_tenant;
DROP INDEX spaces_of_tenant;
CREATE INDEX spaces_of_tenant ON spaces (tenant_id, created_at);
CREATE INDEX files_of_tenant ON files (tenant_id, created_at);
CREATE INDEX shares_of_tenant ON shares (tenant_id, created_at);
CREATE INDEX shares_of_file ON shares (file_id);
