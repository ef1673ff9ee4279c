package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The links that a tenant uses end by themselves, when they expire or are used
// up, so their number can only be counted. A count for each new link would cost
// more with each link there is. So the tenant's row keeps links_bound, a number
// that the links in use never pass: each new link raises it, nothing lowers it,
// and only where it reaches a limit are they counted, which brings it down to
// what is true. NULL is: not known.

// room is what a tenant's row says of its links, read under its lock, and those
// that are to be made.
type room struct {
	tenantID string
	limit    int64
	bound    sql.NullInt64
	near     bool // the warning that the limit is near was told
	hooks    bool // there are webhooks to tell
	fresh    []*creating
}

// lockLinks makes the transaction the only one that gives these tenants links. It
// waits for their rows, or leaves out those that others hold.
func (s *Store) lockLinks(ctx context.Context, tx *sql.Tx, wait bool, some []*creating) (map[string]*room, error) {
	ids := distinct(some, func(c creation) string { return c.TenantID })
	query, args := among(`SELECT id, links_limit, links_bound, links_near, EXISTS (SELECT 1 FROM webhooks WHERE tenant_id = tenants.id AND enabled)
		FROM tenants WHERE id IN `, nil, ids)
	lock := s.db.SkipLocked()
	if wait {
		lock = s.db.ForUpdate()
	}
	rows, err := tx.QueryContext(ctx, query+` ORDER BY id`+lock, args...)
	rooms, err := collectBy(rows, err, func(row scanner) (string, *room, error) {
		r := &room{}
		err := row.Scan(&r.tenantID, &r.limit, &r.bound, &r.near, &r.hooks)
		return r.tenantID, r, err
	})
	if err != nil {
		return nil, fmt.Errorf("lock tenants: %w", err)
	}
	return rooms, nil
}

// takeLinks takes a place under its tenant's limit for each new link, in their
// order, and refuses those for which there is none.
func (s *Store) takeLinks(ctx context.Context, tx *sql.Tx, rooms map[string]*room) error {
	raised := map[string]int64{}
	for _, r := range rooms {
		counted := int64(0)
		for _, w := range r.fresh {
			if s.counts(w.asks) {
				counted++
			}
		}
		var err error
		switch {
		case r.limit == Unlimited || counted == 0:
			if r.bound.Valid && len(r.fresh) > 0 { // they are made without being counted
				err = setBound(ctx, tx, r.tenantID, sql.NullInt64{}, false)
			}
		case s.countPermanentLinks && r.bound.Valid && r.bound.Int64+counted <= r.limit && (r.near || r.bound.Int64+counted < s.nearFrom(r.limit)):
			raised[r.tenantID] = counted
		default:
			err = s.countLinks(ctx, tx, r)
		}
		if err != nil {
			return err
		}
	}
	return raiseBounds(ctx, tx, raised)
}

// countLinks is takeLinks for a tenant that may have reached its limit.
func (s *Store) countLinks(ctx context.Context, tx *sql.Tx, r *room) error {
	used, err := s.activeLinks(ctx, tx, r.tenantID)
	if err != nil {
		return err
	}
	var allowed []*creating
	for _, w := range r.fresh {
		switch {
		case !s.counts(w.asks):
			allowed = append(allowed, w)
		case used >= r.limit:
			w.err = overQuota("links", r.limit, used, 1)
		default:
			if err := s.tellNearLimit(ctx, tx, r.tenantID, "links", used, used+1, r.limit); err != nil {
				return err
			}
			used++
			allowed = append(allowed, w)
		}
	}
	r.fresh = allowed
	return setBound(ctx, tx, r.tenantID, sql.NullInt64{Int64: used, Valid: s.countPermanentLinks}, used >= s.nearFrom(r.limit))
}

// counts reports whether a link takes a place under the limit.
func (s *Store) counts(n creation) bool { return n.ExpiresAt != nil || s.countPermanentLinks }

func setBound(ctx context.Context, tx *sql.Tx, tenantID string, bound sql.NullInt64, near bool) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tenants SET links_bound = $2, links_near = $3 WHERE id = $1`, tenantID, bound, near); err != nil {
		return fmt.Errorf("keep the bound of links: %w", err)
	}
	return nil
}

// raiseBounds raises each tenant's bound, all in one statement.
func raiseBounds(ctx context.Context, tx *sql.Tx, by map[string]int64) error {
	if len(by) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(by))
	var cases strings.Builder
	var args []any
	for _, id := range ids {
		args = append(args, id, by[id])
		fmt.Fprintf(&cases, " WHEN $%d THEN CAST($%d AS BIGINT)", len(args)-1, len(args))
	}
	query, args := among(`UPDATE tenants SET links_bound = links_bound + CASE id`+cases.String()+` END WHERE id IN `, args, ids)
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("raise bounds of links: %w", err)
	}
	return nil
}

// raiseBound is for a link that had ended and counts again.
func raiseBound(ctx context.Context, tx *sql.Tx, shareID string) error {
	_, err := tx.ExecContext(ctx, `UPDATE tenants SET links_bound = links_bound + 1 WHERE id = (SELECT tenant_id FROM shares WHERE id = $1)`, shareID)
	if err != nil {
		return fmt.Errorf("raise the bound of links: %w", err)
	}
	return nil
}
