package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"strings"
	"time"

	"rawlink/internal/share"
)

// Key is an API key as it is stored: without the key itself.
type Key struct {
	ID         string
	TenantID   string
	Label      string
	Mode       string // "live" or "test"
	Scopes     []string
	CreatedAt  int64
	LastUsedAt *int64
	ExpiresAt  *int64
	RevokedAt  *int64

	TenantSuspended bool // of the tenant, read together with the key
	Plan            Plan // likewise
}

// NewKey is what a key to be created is like.
type NewKey struct {
	TenantID  string
	Label     string
	Mode      string // "live" or "test"
	Scopes    []string
	ExpiresAt *int64 // Unix microseconds
	Secret    string // "" = draw one
}

var keyColumns = `k.id, k.tenant_id, k.label, k.mode, k.scopes, k.created_at, k.last_used_at, k.expires_at, k.revoked_at, t.suspended, ` + planColumns

func readKey(row scanner) (Key, error) {
	var k Key
	var scopes string
	var plan planRow
	err := row.Scan(append([]any{&k.ID, &k.TenantID, &k.Label, &k.Mode, &scopes, &k.CreatedAt, &k.LastUsedAt, &k.ExpiresAt, &k.RevokedAt, &k.TenantSuspended}, plan.dest()...)...)
	k.Scopes, k.Plan = strings.Fields(scopes), plan.plan()
	return k, err
}

// hashKey is how a key is stored. Keys carry 128 random bits, so a fast hash is
// as good as a slow one.
func hashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// CreateKey stores a new key and returns its secret, which is not kept.
func (s *Store) CreateKey(ctx context.Context, n NewKey) (Key, string, error) {
	if n.Secret == "" {
		n.Secret = drawSecret(n.Mode)
	}
	k := Key{ID: newID(), TenantID: n.TenantID, Label: n.Label, Mode: n.Mode, Scopes: n.Scopes, CreatedAt: s.micros(), ExpiresAt: n.ExpiresAt}
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, k.ID)
		if err := s.lockTenant(ctx, tx, n.TenantID); err != nil {
			return orNotFound(err, "tenant")
		}
		return insertKey(ctx, tx, k, n.Secret)
	})
	return k, n.Secret, err
}

func insertKey(ctx context.Context, tx *sql.Tx, k Key, secret string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO api_keys (id, tenant_id, hash, label, mode, scopes, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.ID, k.TenantID, hashKey(secret), k.Label, k.Mode, strings.Join(k.Scopes, " "), k.CreatedAt, k.ExpiresAt)
	return err
}

func drawSecret(mode string) string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails, see crypto/rand
	return "fck_" + mode + "_" + hex.EncodeToString(raw[:])
}

// RotateKey replaces a live key by one that may do the same, and returns its
// secret. The old one goes on working for overlap, unless it was to end before. A
// key that had an end is given as long a life as the old one was.
func (s *Store) RotateKey(ctx context.Context, id string, overlap time.Duration) (old, made Key, secret string, err error) {
	made.ID = newID()
	err = s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, made.ID)
		old, err = readKey(tx.QueryRowContext(ctx, `SELECT `+keyColumns+`
			FROM api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE k.id = $1`+s.db.ForUpdate(), id))
		now := s.micros()
		switch {
		case err != nil:
			return orNotFound(err, "key")
		case old.RevokedAt != nil:
			return refuse(share.Conflict, "key is revoked; create another one")
		case old.ExpiresAt != nil && *old.ExpiresAt <= now:
			return refuse(share.Conflict, "key has expired; create another one")
		}
		made = Key{ID: made.ID, TenantID: old.TenantID, Label: old.Label, Mode: old.Mode, Scopes: old.Scopes, CreatedAt: now}
		ends := now + overlap.Microseconds()
		if old.ExpiresAt != nil {
			newEnd := now + *old.ExpiresAt - old.CreatedAt
			made.ExpiresAt = &newEnd
			ends = min(ends, *old.ExpiresAt)
		}
		old.ExpiresAt = &ends
		if _, err := tx.ExecContext(ctx, `UPDATE api_keys SET expires_at = $2 WHERE id = $1`, old.ID, ends); err != nil {
			return err
		}
		secret = drawSecret(made.Mode)
		return insertKey(ctx, tx, made, secret)
	})
	return old, made, secret, err
}

// Authenticate returns the live key with this secret, or a NotFound refusal for
// any that is unknown, revoked or expired. Requests that come at the same time are
// looked up together, in a statement that begins after all of them came: a key
// that was revoked before a request began is never found.
func (s *Store) Authenticate(ctx context.Context, secret string) (Key, error) {
	k, err := s.logins.ask(ctx, ofAll, hashKey(secret))
	switch {
	case err != nil:
		return Key{}, err
	case k == nil || k.RevokedAt != nil || k.ExpiresAt != nil && *k.ExpiresAt <= s.micros():
		return Key{}, notFound("key")
	}
	return *k, nil
}

func (s *Store) authenticateAll(ctx context.Context, _ string, some []*waiting[string, *Key]) error {
	hashes := distinct(some, func(hash string) string { return hash })
	query, args := among(`SELECT k.hash, `+keyColumns+` FROM api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE k.hash IN `, nil, hashes)
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	found, err := collectBy(rows, err, func(row scanner) (hash string, k *Key, err error) {
		one, err := readKey(behind{row, &hash})
		return hash, &one, err
	})
	if err != nil {
		return err
	}
	for _, w := range some {
		w.answer = found[w.asks]
	}
	return nil
}

// behind reads a row that has one column before those that a reader wants.
type behind struct {
	scanner
	first any
}

// Scan implements scanner.
func (b behind) Scan(dest ...any) error { return b.scanner.Scan(append([]any{b.first}, dest...)...) }

// lastUsedEvery is how exact last_used_at is. A write per request would make
// every read of the API a write of the database.
const lastUsedEvery = time.Minute

// TouchKey records that the key was used, at most once a minute.
func (s *Store) TouchKey(ctx context.Context, k Key) error {
	now := s.micros()
	if k.LastUsedAt != nil && now-*k.LastUsedAt < lastUsedEvery.Microseconds() {
		return nil
	}
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE api_keys SET last_used_at = $2 WHERE id = $1`, k.ID, now)
		return err
	})
}

// RevokeKey ends a key at once. Repeating it changes nothing.
func (s *Store) RevokeKey(ctx context.Context, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		ok, err := changed(tx.ExecContext(ctx, `UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1`, id, s.micros()))
		if err == nil && !ok {
			return refuse(share.NotFound, "key not found")
		}
		return err
	})
}

// Keys lists a tenant's keys, oldest first.
func (s *Store) Keys(ctx context.Context, tenantID string) ([]Key, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT `+keyColumns+`
		FROM api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE k.tenant_id = $1 ORDER BY k.created_at, k.id`, tenantID)
	return collect(rows, err, readKey)
}
