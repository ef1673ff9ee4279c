package database

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"rawlink/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestIsDown stops and kills PostgreSQL under open connections and under new ones,
// and tells that from what is the question's fault.
func TestIsDown(t *testing.T) {
	server := testenv.OwnPostgres(t)
	db, err := OpenPostgres(t.Context(), server.DSN, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ask := func() error {
		return db.InTx(context.Background(), func(tx *sql.Tx) error {
			var one int
			return tx.QueryRow("SELECT 1").Scan(&one)
		})
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"stopped": server.Stop, "killed": server.Kill} {
		held := make(chan struct{})
		broken := make(chan error)
		go func() {
			broken <- db.InTx(context.Background(), func(tx *sql.Tx) error {
				held <- struct{}{}
				<-held
				return failure(func() error { _, err := tx.Exec("SELECT 1"); return err })
			})
		}()
		<-held
		end()
		held <- struct{}{}
		if err := <-broken; !IsDown(err) {
			t.Errorf("%s under a transaction: %v; want an error that is down", name, err)
		}
		if err := failure(ask); !IsDown(err) {
			t.Errorf("%s: %v; want an error that is down", name, err)
		}
		server.Start()
		if err := ask(); err != nil {
			t.Errorf("after it was %s and started: %v", name, err)
		}
	}
	_, err = db.Read().Exec("SELECT nothing FROM nowhere")
	for _, err := range []error{nil, err, sql.ErrNoRows, errors.New("something"), context.Canceled} {
		if IsDown(err) {
			t.Errorf("%v counts as down", err)
		}
	}
}

// failure asks until that fails: what serves a connection may live a moment longer than
// the server that was killed.
func failure(ask func() error) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}
