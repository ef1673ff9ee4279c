-- The secret that a webhook had before, and until when it signs too; and which
-- request drew the newest one, so that its repetition draws none.

-- +goose Up
ALTER TABLE webhooks ADD COLUMN old_secret TEXT;
ALTER TABLE webhooks ADD COLUMN old_secret_until BIGINT;
ALTER TABLE webhooks ADD COLUMN rotation_id TEXT;

-- +goose Down
ALTER TABLE webhooks DROP COLUMN rotation_id;
ALTER TABLE webhooks DROP COLUMN old_secret_until;
ALTER TABLE webhooks DROP COLUMN old_secret;
