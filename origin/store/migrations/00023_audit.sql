-- Who changed what, when, from where. A row commits with the change it tells of.

-- +goose Up
CREATE TABLE audit (
    id         TEXT PRIMARY KEY,
    at         BIGINT NOT NULL,
    tenant_id  TEXT,
    who        TEXT NOT NULL,
    operation  TEXT NOT NULL,
    target     TEXT NOT NULL,
    source     TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_of_tenant ON audit (tenant_id, at, id);

-- +goose Down
DROP TABLE audit;
