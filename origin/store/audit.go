package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// Deed is one change as the audit log tells it.
type Deed struct {
	ID        string
	At        int64
	TenantID  string // "": of none
	Who       string // key:ID, admin:USER, or system
	Operation string // as routes and commands are named
	Target    string // id of what was changed or made; "" if there is none
	Source    string // the address or host it came from; "" for system
	RequestID string
}

type deedKey struct{}

// Audited has the changes under ctx written to the audit log, in the transaction
// of each: a change that is there is in the log, one that failed is not. What d
// lacks is filled in. With an ID all changes under ctx are one deed, without one
// each is a deed of its own.
func Audited(ctx context.Context, d Deed) context.Context {
	return context.WithValue(ctx, deedKey{}, &d)
}

// NewDeedID returns an id for a Deed.
func NewDeedID() string { return newID() }

// onto says what a deed is done to.
func onto(ctx context.Context, target string) {
	if d, ok := ctx.Value(deedKey{}).(*Deed); ok {
		d.Target = target
	}
}

// write runs fn in a transaction that is also written to the audit log, if ctx
// says whose deed it is.
func (s *Store) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return s.writeAll(ctx, func(tx *sql.Tx) ([]*Deed, error) {
		if err := fn(tx); err != nil {
			return nil, err
		}
		if d, ok := ctx.Value(deedKey{}).(*Deed); ok {
			return []*Deed{d}, nil
		}
		return nil, nil
	})
}

// writeAll is write for what several do in one transaction. fn returns the deeds.
func (s *Store) writeAll(ctx context.Context, fn func(tx *sql.Tx) ([]*Deed, error)) error {
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		deeds, err := fn(tx)
		if err != nil || len(deeds) == 0 {
			return err
		}
		return s.log(ctx, tx, deeds)
	})
	if s.told.Swap(false) {
		s.hooks.ring()
	}
	return err
}

func (s *Store) log(ctx context.Context, tx *sql.Tx, deeds []*Deed) error {
	now := s.micros()
	args := make([]any, 0, 8*len(deeds))
	for _, d := range deeds {
		id := d.ID
		if id == "" {
			id = newID()
		}
		args = append(args, id, now, nullable(d.TenantID), d.Who, d.Operation, d.Target, d.Source, d.RequestID)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (id, at, tenant_id, who, operation, target, source, request_id)
		VALUES `+tuples(len(deeds), 8)+` ON CONFLICT (id) DO NOTHING`, args...)
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// Deeds returns what was done in the last while, the newest first, at most limit.
// tenantID "" is everybody's.
func (s *Store) Deeds(ctx context.Context, tenantID string, last time.Duration, limit int) ([]Deed, error) {
	query, args := `SELECT id, at, tenant_id, who, operation, target, source, request_id FROM audit WHERE at > $1`, []any{s.micros() - last.Microseconds()}
	if tenantID != "" {
		args = append(args, tenantID)
		query += ` AND tenant_id = $2`
	}
	args = append(args, limit)
	rows, err := s.db.Read().QueryContext(ctx, query+` ORDER BY at DESC, id DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	return collect(rows, err, func(row scanner) (d Deed, err error) {
		var tenant sql.NullString
		err = row.Scan(&d.ID, &d.At, &tenant, &d.Who, &d.Operation, &d.Target, &d.Source, &d.RequestID)
		d.TenantID = tenant.String
		return d, err
	})
}

// SweepAudit removes up to limit deeds that are older than keep, and says how
// many there were.
func (s *Store) SweepAudit(ctx context.Context, keep time.Duration, limit int) (n int64, err error) {
	return s.sweep(ctx, old{table: "audit", key: "id", since: "at"}, keep, limit)
}
