package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rawlink/internal/share"
)

// KeepPurges is how long an edge may be away and still learn by name which
// objects were purged meanwhile. One that was away longer drops all it holds.
const KeepPurges = 30 * 24 * time.Hour

// logPurge notes that an object's bytes are to go. Purges wait for each other
// from here to their commit: what is numbered later is seen later, so that no
// reader of the log passes over a row. It is the transaction's last lock.
func (s *Store) logPurge(ctx context.Context, tx *sql.Tx, object string) error {
	var number int64
	if err := tx.QueryRowContext(ctx, `UPDATE purge_clock SET number = number + 1 RETURNING number`).Scan(&number); err != nil {
		return fmt.Errorf("number a purge: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO purges (number, object, purged_at) VALUES ($1, $2, $3)`, number, object, s.micros()); err != nil {
		return fmt.Errorf("log a purge: %w", err)
	}
	return nil
}

// maxPurges bounds one answer of Purged.
const maxPurges = 500

// Purged returns the purges that follow a number, oldest first. A number that the
// log doesn't reach back to, or that it never gave out, is answered with Lost.
func (s *Store) Purged(ctx context.Context, after int64) (share.Purges, error) {
	// One statement, so that clock and rows are of one moment.
	rows, err := s.db.Read().QueryContext(ctx, `SELECT c.number, c.swept, p.number, p.object FROM purge_clock c
		LEFT JOIN (SELECT number, object FROM purges WHERE number > $1 ORDER BY number LIMIT $2) AS p ON TRUE ORDER BY p.number`, after, maxPurges)
	var number, swept int64
	found := share.Purges{Last: after}
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var at sql.NullInt64
		var object sql.NullString
		err := row.Scan(&number, &swept, &at, &object)
		if at.Valid {
			found.Last, found.Objects = at.Int64, append(found.Objects, object.String)
		}
		return struct{}{}, err
	})
	if err != nil {
		return share.Purges{}, fmt.Errorf("read purges: %w", err)
	}
	if after < swept || after > number {
		return share.Purges{Lost: true, Last: number}, nil
	}
	found.More = len(found.Objects) == maxPurges
	return found, nil
}

// SweepPurges removes up to limit purges that are older than KeepPurges from the
// log, and says how many there were.
func (s *Store) SweepPurges(ctx context.Context, limit int) (n int64, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		var last sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT MAX(number) FROM (SELECT number FROM purges WHERE purged_at <= $1 ORDER BY number LIMIT $2) AS old`,
			s.micros()-KeepPurges.Microseconds(), limit).Scan(&last)
		if err != nil || !last.Valid {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE purge_clock SET swept = $1 WHERE swept < $1`, last.Int64); err != nil {
			return err
		}
		n, err = affected(tx.ExecContext(ctx, `DELETE FROM purges WHERE number <= $1`, last.Int64))
		return err
	})
	return n, err
}
