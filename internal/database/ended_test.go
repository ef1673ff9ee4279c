package database

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"rawlink/internal/testenv"
)

// TestEndedTransaction ends a transaction's context when only its commit is left:
// the failure is the context's, not one of the database's use.
func TestEndedTransaction(t *testing.T) {
	postgres, err := OpenPostgres(t.Context(), testenv.Postgres(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	sqlite, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	for name, db := range map[string]*DB{"postgres": postgres, "sqlite": sqlite} {
		t.Cleanup(func() { _ = db.Close() })
		ctx, end := context.WithCancel(t.Context())
		err := db.InTx(ctx, func(tx *sql.Tx) error {
			end()
			for { // until the driver has noticed and rolled it back
				if _, err := tx.ExecContext(t.Context(), "SELECT 1"); errors.Is(err, sql.ErrTxDone) {
					return nil
				}
				time.Sleep(time.Millisecond)
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v; want the context's end", name, err)
		}
	}
}
