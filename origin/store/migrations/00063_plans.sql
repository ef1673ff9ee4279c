-- What of the service's rules differs for one tenant; NULL: nothing does. Requests
-- are those of one key in a minute, 0 is unlimited; trash_grace is in microseconds, 0
-- keeps it until it is purged by request. An origin of the version before goes by
-- the service's rules until it is replaced.

-- +goose Up
ALTER TABLE tenants ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE tenants ADD COLUMN links_per_minute BIGINT;
ALTER TABLE tenants ADD COLUMN uploads_per_minute BIGINT;
ALTER TABLE tenants ADD COLUMN imports_per_minute BIGINT;
ALTER TABLE tenants ADD COLUMN upload_max BIGINT;
ALTER TABLE tenants ADD COLUMN trash_grace BIGINT;

-- +goose Down
ALTER TABLE tenants DROP COLUMN trash_grace;
ALTER TABLE tenants DROP COLUMN upload_max;
ALTER TABLE tenants DROP COLUMN imports_per_minute;
ALTER TABLE tenants DROP COLUMN uploads_per_minute;
ALTER TABLE tenants DROP COLUMN links_per_minute;
ALTER TABLE tenants DROP COLUMN requests_per_minute;
