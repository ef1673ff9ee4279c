package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"slices"
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
// Links that are asked for at the same time for one tenant are made in one
// transaction: each needs the tenant's row, and would otherwise wait for the
// commits of all before it.
func (s *Store) CreateShare(ctx context.Context, n NewShare) (Share, error) {
	c := creation{NewShare: n}
	c.id, c.repeated = reservedID(ctx)
	c.hash = n.Hash(c.id)
	onto(ctx, c.id)
	return s.creations.ask(ctx, n.TenantID, c)
}

type creating = waiting[creation, Share]

func (s *Store) createShares(ctx context.Context, some []*creating) error {
	tenantID := some[0].asks.TenantID
	return s.writeAll(ctx, func(tx *sql.Tx) ([]*Deed, error) {
		for _, w := range some { // the transaction may be run again
			w.answer, w.err = Share{}, nil
		}
		room, err := s.lockLinks(ctx, tx, tenantID)
		if err != nil {
			return nil, err
		}
		made, err := madeAlready(ctx, tx, tenantID, some)
		if err != nil {
			return nil, err
		}
		files, err := s.filesToShare(ctx, tx, tenantID, some)
		if err != nil {
			return nil, err
		}
		var fresh []*creating
		for _, w := range some {
			var found bool
			if w.answer, found = made[w.asks.id]; found {
				continue
			}
			if w.err = shareable(files, w.asks.FileID); w.err == nil {
				fresh = append(fresh, w)
			}
		}
		if fresh, err = s.takeLinks(ctx, tx, room, fresh); err != nil {
			return nil, err
		}
		if err := s.insertShares(ctx, tx, tenantID, fresh); err != nil {
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

// madeAlready finds what earlier tries made.
func madeAlready(ctx context.Context, tx *sql.Tx, tenantID string, some []*creating) (map[string]Share, error) {
	var ids []string
	for _, w := range some {
		if w.asks.repeated {
			ids = append(ids, w.asks.id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	query, args := among(`SELECT token_hash, `+shareColumns+` FROM shares WHERE tenant_id = $1 AND id IN `, []any{tenantID}, ids)
	rows, err := tx.QueryContext(ctx, query, args...)
	all, err := collect(rows, err, func(row scanner) (Share, error) {
		var hash string
		v, err := readShare(behind{row, &hash})
		if err != nil {
			return v, err
		}
		v.Hash, err = share.ParseHash(hash)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for links made before: %w", err)
	}
	made := make(map[string]Share, len(all))
	for _, v := range all {
		made[v.ID] = v
	}
	return made, nil
}

// filesToShare locks the files, so that what happens to one of them later finds
// its new links. In the order of their ids, as everybody who locks several does.
func (s *Store) filesToShare(ctx context.Context, tx *sql.Tx, tenantID string, some []*creating) (map[string]File, error) {
	ids := make([]string, len(some))
	for i, w := range some {
		ids[i] = w.asks.FileID
	}
	slices.Sort(ids)
	query, args := among(`SELECT `+fileColumns+` FROM files WHERE tenant_id = $1 AND id IN `, []any{tenantID}, slices.Compact(ids))
	rows, err := tx.QueryContext(ctx, query+` ORDER BY id`+s.db.ForUpdate(), args...)
	all, err := collect(rows, err, readFile)
	if err != nil {
		return nil, fmt.Errorf("look for files to share: %w", err)
	}
	files := make(map[string]File, len(all))
	for _, f := range all {
		files[f.ID] = f
	}
	return files, nil
}

func shareable(files map[string]File, id string) error {
	f, found := files[id]
	if !found || f.DeletedAt != nil {
		return notFound("file")
	}
	return NotClean(f)
}

func (s *Store) insertShares(ctx context.Context, tx *sql.Tx, tenantID string, fresh []*creating) error {
	if len(fresh) == 0 {
		return nil
	}
	now := s.micros()
	args := make([]any, 0, 12*len(fresh))
	for _, w := range fresh {
		n := &w.asks
		args = append(args, n.id, tenantID, n.FileID, n.hash.String(), n.Permission, n.ExpiresAt, n.MaxDownloads, n.PasswordHash, 1, n.CreatedBy, now, now)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO shares (id, tenant_id, file_id, token_hash, permission, expires_at, max_downloads, password_hash, version, created_by, created_at, updated_at)
		VALUES `+tuples(len(fresh), 12), args...)
	if err != nil {
		return fmt.Errorf("insert shares: %w", err)
	}
	hooks, err := s.listeners(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	for _, w := range fresh {
		n := &w.asks
		w.answer = Share{ID: n.id, TenantID: tenantID, FileID: n.FileID, Permission: n.Permission, ExpiresAt: n.ExpiresAt, MaxDownloads: n.MaxDownloads,
			HasPassword: n.PasswordHash != nil, CreatedAt: now, UpdatedAt: now, Hash: n.hash}
		if err := s.tellListeners(ctx, tx, hooks, tenantID, EventShareCreated, eventOfShare(w.answer)); err != nil {
			return err
		}
	}
	return nil
}

// among ends a query with a set of values. There are as many places as the next
// power of two: an engine that keeps prepared statements keeps few of them.
func among(query string, args []any, values []string) (string, []any) {
	places := make([]string, 1<<bits.Len(uint(len(values)-1)))
	for i := range places {
		args = append(args, values[min(i, len(values)-1)])
		places[i] = "$" + strconv.Itoa(len(args))
	}
	return query + "(" + strings.Join(places, ", ") + ")", args
}
