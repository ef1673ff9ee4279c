-- links_bound: the links in use are never more than this; NULL: not known.
-- links_near: the warning that their limit is near was told.

-- +goose Up
ALTER TABLE tenants ADD COLUMN links_bound BIGINT;
ALTER TABLE tenants ADD COLUMN links_near BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE tenants DROP COLUMN links_near;
ALTER TABLE tenants DROP COLUMN links_bound;
