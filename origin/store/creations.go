package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"rawlink/internal/share"
)

// togetherMost is how many links one transaction makes at most.
const togetherMost = 32

// creation is a link to be made.
type creation struct {
	NewShare
	id       string
	hash     share.Hash
	repeated bool // an earlier try may have made it
}

// CreateShare makes a link for a live, clean file within the link limit. Checks
// run in the contract's order: 404, 409, 402.
//
// Links that are asked for at the same time are made in one transaction: each
// needs its tenant's row, and would otherwise wait for the commits of all before
// it. A tenant whose row somebody else holds has its links made apart, so that
// nobody waits for another's.
func (s *Store) CreateShare(ctx context.Context, n NewShare) (Share, error) {
	c := creation{NewShare: n}
	c.id, c.repeated = reservedID(ctx)
	c.hash = n.Hash(c.id)
	onto(ctx, c.id)
	v, err := s.creations.ask(ctx, ofAll, c)
	if errors.Is(err, errHeld) {
		v, err = s.creations.ask(ctx, n.TenantID, c)
	}
	return v, err
}

// ofAll is the line of all tenants together; the others are named by theirs.
const ofAll = ""

// errHeld says that the tenant's row is locked.
var errHeld = errors.New("the tenant's row is held")

type creating = waiting[creation, Share]

func (s *Store) createShares(ctx context.Context, line string, some []*creating) error {
	return s.writeAll(ctx, func(tx *sql.Tx) ([]*Deed, error) {
		for _, w := range some { // the transaction may be run again
			w.answer, w.err = Share{}, nil
		}
		rooms, err := s.lockLinks(ctx, tx, line != ofAll, some)
		if err != nil {
			return nil, err
		}
		found, err := s.lookAround(ctx, tx, some)
		if err != nil {
			return nil, err
		}
		for _, w := range some {
			room := rooms[w.asks.TenantID]
			made, repeated := found.made[w.asks.id]
			switch {
			case room == nil:
				w.err = errHeld
			case repeated && made.TenantID == room.tenantID:
				w.answer = made
			default:
				if w.err = found.shareable(&w.asks); w.err == nil {
					room.fresh = append(room.fresh, w)
				}
			}
		}
		if err := s.takeLinks(ctx, tx, rooms); err != nil {
			return nil, err
		}
		if err := s.insertShares(ctx, tx, rooms); err != nil {
			return nil, err
		}
		return deedsOf(some), nil
	})
}

// deedsOf returns the deeds of those who were not refused.
func deedsOf(some []*creating) (deeds []*Deed) {
	for _, w := range some {
		if d, ok := w.ctx.Value(deedKey{}).(*Deed); ok && w.err == nil {
			deeds = append(deeds, d)
		}
	}
	return deeds
}

// around is what there is of what creations name.
type around struct {
	made  map[string]Share // by earlier tries
	files map[string]File
}

func (s *Store) lookAround(ctx context.Context, tx *sql.Tx, some []*creating) (a around, err error) {
	if a.made, err = madeAlready(ctx, tx, some); err == nil {
		a.files, err = s.filesToShare(ctx, tx, some)
	}
	return a, err
}

func madeAlready(ctx context.Context, tx *sql.Tx, some []*creating) (map[string]Share, error) {
	var ids []string
	for _, w := range some {
		if w.asks.repeated {
			ids = append(ids, w.asks.id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	query, args := among(`SELECT token_hash, `+shareColumns+` FROM shares WHERE id IN `, nil, ids)
	rows, err := tx.QueryContext(ctx, query, args...)
	made, err := collectBy(rows, err, func(row scanner) (id string, v Share, err error) {
		var hash string
		if v, err = readShare(behind{row, &hash}); err == nil {
			v.Hash, err = share.ParseHash(hash)
		}
		return v.ID, v, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for links made before: %w", err)
	}
	return made, nil
}

// filesToShare locks the files, so that what happens to one of them later finds
// its new links. In the order of their ids, as everybody who locks several does.
func (s *Store) filesToShare(ctx context.Context, tx *sql.Tx, some []*creating) (map[string]File, error) {
	ids := distinct(some, func(c creation) string { return c.FileID })
	query, args := among(`SELECT `+fileColumns+` FROM files WHERE id IN `, nil, ids)
	rows, err := tx.QueryContext(ctx, query+` ORDER BY id`+s.db.ForUpdate(), args...)
	files, err := collectBy(rows, err, readFileByID)
	if err != nil {
		return nil, fmt.Errorf("look for files to share: %w", err)
	}
	return files, nil
}

func (a *around) shareable(n *creation) error {
	f, found := a.files[n.FileID]
	if !found || f.TenantID != n.TenantID {
		return notFound("file")
	}
	return Shareable(f)
}

func (s *Store) insertShares(ctx context.Context, tx *sql.Tx, rooms map[string]*room) error {
	now := s.micros()
	var args []any
	n := 0
	for _, r := range rooms {
		for _, w := range r.fresh {
			c := &w.asks
			args = append(args, c.id, c.TenantID, c.FileID, c.hash.String(), c.Permission, c.ExpiresAt, c.MaxDownloads, c.PasswordHash, c.Confirm, 1, c.CreatedBy, now, now)
			w.answer = Share{ID: c.id, TenantID: c.TenantID, FileID: c.FileID, Permission: c.Permission, ExpiresAt: c.ExpiresAt, MaxDownloads: c.MaxDownloads,
				HasPassword: c.PasswordHash != nil, Confirm: c.Confirm, CreatedAt: now, UpdatedAt: now, Hash: c.hash}
			n++
		}
	}
	if n == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO shares (id, tenant_id, file_id, token_hash, permission, expires_at, max_downloads, password_hash, confirm, version, created_by, created_at, updated_at)
		VALUES `+tuples(n, 13), args...)
	if err != nil {
		return fmt.Errorf("insert shares: %w", err)
	}
	for _, r := range rooms {
		if err := s.tellCreated(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

// tellCreated queues the events of one tenant's new links.
func (s *Store) tellCreated(ctx context.Context, tx *sql.Tx, r *room) error {
	if !r.hooks || len(r.fresh) == 0 {
		return nil
	}
	hooks, err := s.listeners(ctx, tx, r.tenantID)
	if err != nil {
		return err
	}
	for _, w := range r.fresh {
		if err := s.tellListeners(ctx, tx, hooks, r.tenantID, EventShareCreated, eventOfShare(w.answer)); err != nil {
			return err
		}
	}
	return nil
}

// among ends a query with a set of values; the last one fills the places beyond them.
func among(query string, args []any, values []string) (string, []any) {
	names := make([]string, padded(len(values)))
	for i := range names {
		args = append(args, values[min(i, len(values)-1)])
		names[i] = "$" + strconv.Itoa(len(args))
	}
	return query + "(" + strings.Join(names, ", ") + ")", args
}

// padded is how many places a statement has for n values, of which there is one at least: the
// next power of two, since an engine that keeps prepared statements then keeps few.
func padded(n int) int { return 1 << bits.Len(uint(n-1)) }
