-- One text for SQLite and PostgreSQL: TEXT, BIGINT and BOOLEAN only.
-- Ids are UUID strings. Times are Unix microseconds, UTC. -1 means unlimited.

-- +goose Up
CREATE TABLE tenants (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    suspended      BOOLEAN NOT NULL DEFAULT FALSE,
    bytes_limit    BIGINT NOT NULL,
    bytes_stored   BIGINT NOT NULL DEFAULT 0 CHECK (bytes_stored >= 0),
    bytes_reserved BIGINT NOT NULL DEFAULT 0 CHECK (bytes_reserved >= 0),
    links_limit    BIGINT NOT NULL,
    created_at     BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    hash         TEXT NOT NULL UNIQUE,
    label        TEXT NOT NULL,
    mode         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at   BIGINT,
    revoked_at   BIGINT
);

CREATE TABLE spaces (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    app        TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX spaces_of_tenant ON spaces (tenant_id, created_at);

-- deletion_id names the delete that took a row, so that a restore brings back
-- just what that delete took.
CREATE TABLE folders (
    id          TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    space_id    TEXT NOT NULL REFERENCES spaces (id),
    parent_id   TEXT REFERENCES folders (id),
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    deleted_at  BIGINT,
    deletion_id TEXT
);
CREATE INDEX folders_of_space ON folders (space_id, parent_id);
CREATE INDEX folders_of_parent ON folders (parent_id);
CREATE INDEX folders_of_deletion ON folders (deletion_id);

CREATE TABLE files (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id),
    space_id       TEXT NOT NULL REFERENCES spaces (id),
    folder_id      TEXT REFERENCES folders (id),
    client_key     TEXT,
    original_name  TEXT NOT NULL,
    mime           TEXT,
    size           BIGINT NOT NULL,
    sha256         TEXT,
    claimed_sha256 TEXT,
    scan_status    TEXT NOT NULL,
    scan_detail    TEXT,
    object_key     TEXT NOT NULL,
    object_version TEXT NOT NULL,
    source_app     TEXT,
    created_by     TEXT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT,
    deletion_id    TEXT
);
CREATE INDEX files_of_space ON files (space_id, folder_id);
CREATE INDEX files_of_folder ON files (folder_id);
CREATE INDEX files_of_tenant ON files (tenant_id, created_at);
CREATE INDEX files_of_client_key ON files (tenant_id, client_key, created_at) WHERE client_key IS NOT NULL;
CREATE INDEX files_of_deletion ON files (deletion_id);

-- A reservation: initiate makes it, complete turns it into a file.
CREATE TABLE uploads (
    file_id        TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id),
    space_id       TEXT NOT NULL REFERENCES spaces (id),
    folder_id      TEXT REFERENCES folders (id),
    object_key     TEXT NOT NULL,
    parts_id       TEXT,
    part_size      BIGINT,
    original_name  TEXT NOT NULL,
    mime           TEXT NOT NULL,
    size           BIGINT NOT NULL,
    claimed_sha256 TEXT,
    client_key     TEXT,
    app            TEXT,
    created_by     TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
CREATE INDEX uploads_of_space ON uploads (space_id);

-- reserved is the ledger's ceiling: downloads handed out so far, never above
-- max_downloads, raised only by one conditional UPDATE.
CREATE TABLE shares (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id),
    file_id        TEXT NOT NULL REFERENCES files (id),
    token_hash     TEXT NOT NULL UNIQUE,
    permission     TEXT NOT NULL,
    expires_at     BIGINT,
    max_downloads  BIGINT,
    reserved       BIGINT NOT NULL DEFAULT 0,
    download_count BIGINT NOT NULL DEFAULT 0,
    revoked        BOOLEAN NOT NULL DEFAULT FALSE,
    password_hash  TEXT,
    version        BIGINT NOT NULL,
    created_by     TEXT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX shares_of_tenant ON shares (tenant_id, created_at);
CREATE INDEX shares_of_file ON shares (file_id);

-- What the relay still has to tell the edges. Rows stand on their own: a purge
-- deletes the share but must still be told.
CREATE TABLE outbox (
    id         TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    ref         TEXT NOT NULL,
    run_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    attempts    BIGINT NOT NULL DEFAULT 0,
    last_error  TEXT,
    dead        BOOLEAN NOT NULL DEFAULT FALSE,
    created_at  BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (kind, dead, run_at);

-- The newest batch of downloads applied from each run of each edge.
CREATE TABLE count_batches (
    edge  TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq   BIGINT NOT NULL,
    PRIMARY KEY (edge, epoch)
);

-- +goose Down
DROP TABLE count_batches;
DROP TABLE jobs;
DROP TABLE outbox;
DROP TABLE shares;
DROP TABLE uploads;
DROP TABLE files;
DROP TABLE folders;
DROP TABLE spaces;
DROP TABLE api_keys;
DROP TABLE tenants;
