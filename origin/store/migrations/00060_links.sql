-- links_bound: the links in use are never more than this; NULL: not known.
-- Links that an origin of the version before makes meanwhile don't raise it; they are
-- found at the next count.
-- links_near: the warning that their limit is near was told.

-- +goose Up
ALTER TABLE tenants ADD COLUMN links_bound BIGINT;
ALTER TABLE tenants ADD COLUMN links_near BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE tenants DROP COLUMN links_near;
ALTER TABLE tenants DROP COLUMN links_bound;
