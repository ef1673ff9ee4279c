-- To see whether a file waits for a scan.

-- +goose Up
CREATE INDEX jobs_of_files ON jobs (ref) WHERE kind IN ('scan', 'rescan');

-- +goose Down
DROP INDEX jobs_of_files;
