-- Webhooks, and what is to be delivered to them. A delivery commits with the
-- change that it tells of; events are space separated, '' is all of them; the
-- secret is sealed. expiry_told says that a share's expiry made its event.

-- +goose Up
CREATE TABLE webhooks (
    id              TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenants (id),
    url             TEXT NOT NULL,
    events          TEXT NOT NULL,
    secret          TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL DEFAULT TRUE,
    disabled_reason TEXT,
    failures        BIGINT NOT NULL DEFAULT 0,
    failing_since   BIGINT,
    paused_until    BIGINT NOT NULL DEFAULT 0,
    last_error      TEXT,
    created_by      TEXT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX webhooks_of_tenant ON webhooks (tenant_id, created_at, id);

CREATE TABLE webhook_deliveries (
    id          TEXT PRIMARY KEY,
    webhook_id  TEXT NOT NULL REFERENCES webhooks (id),
    tenant_id   TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    event       TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending',
    attempts    BIGINT NOT NULL DEFAULT 0,
    run_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    last_status BIGINT,
    last_error  TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON webhook_deliveries (run_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON webhook_deliveries (webhook_id) WHERE lease_until > 0;
CREATE INDEX deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_ended ON webhook_deliveries (updated_at) WHERE state <> 'pending';

ALTER TABLE shares ADD COLUMN expiry_told BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX shares_to_expire ON shares (expires_at) WHERE expires_at IS NOT NULL AND NOT expiry_told;

-- +goose Down
DROP INDEX shares_to_expire;
ALTER TABLE shares DROP COLUMN expiry_told;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
