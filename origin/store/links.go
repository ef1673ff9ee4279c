package store

import (
	"context"
	"database/sql"
	"fmt"
)

// The links that a tenant uses end by themselves, when they expire or are used
// up, so their number can only be counted. A count for each new link would cost
// more with each link there is. So the tenant's row keeps links_bound, a number
// that the links in use never pass: each new link raises it, nothing lowers it,
// and only where it reaches a limit are they counted, which brings it down to
// what is true. NULL is: not known.

// room is what a tenant's row says of its links, read under its lock.
type room struct {
	tenantID string
	limit    int64
	bound    sql.NullInt64
	near     bool // the warning that the limit is near was told
}

// lockLinks makes the transaction the only one that gives this tenant links.
func (s *Store) lockLinks(ctx context.Context, tx *sql.Tx, tenantID string) (room, error) {
	r := room{tenantID: tenantID}
	err := tx.QueryRowContext(ctx, `SELECT links_limit, links_bound, links_near FROM tenants WHERE id = $1`+s.db.ForUpdate(), tenantID).Scan(&r.limit, &r.bound, &r.near)
	return r, err
}

// takeLinks takes a place under the limit for each new link, in their order, and
// refuses those for which there is none. It returns those that may be made.
func (s *Store) takeLinks(ctx context.Context, tx *sql.Tx, r room, fresh []*creating) (allowed []*creating, err error) {
	counted := int64(0)
	for _, w := range fresh {
		if s.counts(w.asks) {
			counted++
		}
	}
	if r.limit == Unlimited || counted == 0 {
		return fresh, s.forgetBound(ctx, tx, r)
	}
	if s.countPermanentLinks && r.bound.Valid && r.bound.Int64+counted <= r.limit && (r.near || r.bound.Int64+counted < s.nearFrom(r.limit)) {
		return fresh, setBound(ctx, tx, r.tenantID, sql.NullInt64{Int64: r.bound.Int64 + counted, Valid: true}, r.near)
	}
	used, err := s.activeLinks(ctx, tx, r.tenantID)
	if err != nil {
		return nil, err
	}
	for _, w := range fresh {
		switch {
		case !s.counts(w.asks):
			allowed = append(allowed, w)
		case used >= r.limit:
			w.err = overQuota("links", r.limit, used, 1)
		default:
			if err := s.tellNearLimit(ctx, tx, r.tenantID, "links", used, used+1, r.limit); err != nil {
				return nil, err
			}
			used++
			allowed = append(allowed, w)
		}
	}
	return allowed, setBound(ctx, tx, r.tenantID, sql.NullInt64{Int64: used, Valid: s.countPermanentLinks}, used >= s.nearFrom(r.limit))
}

// counts reports whether a link takes a place under the limit.
func (s *Store) counts(n creation) bool { return n.ExpiresAt != nil || s.countPermanentLinks }

// forgetBound is for links that are made without being counted.
func (s *Store) forgetBound(ctx context.Context, tx *sql.Tx, r room) error {
	if !r.bound.Valid {
		return nil
	}
	return setBound(ctx, tx, r.tenantID, sql.NullInt64{}, false)
}

func setBound(ctx context.Context, tx *sql.Tx, tenantID string, bound sql.NullInt64, near bool) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tenants SET links_bound = $2, links_near = $3 WHERE id = $1`, tenantID, bound, near); err != nil {
		return fmt.Errorf("keep the bound of links: %w", err)
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
