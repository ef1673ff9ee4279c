package store

import (
	"context"
	"testing"
	"time"

	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

// TestLocksComeInOneOrder stops an operation with what it has locked by then, begins
// another one that needs the same rows, and lets both go on. Two that wait for each other
// would be found by PostgreSQL, a second later, and one of them run again; here it looks
// for them after an hour only.
func TestLocksComeInOneOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		stop  string // where the first one is held up: at a row of this table
		stage func(t *testing.T, b *bench) (first, second func(context.Context) error)
	}{
		{"a download given back, and another cap", "UPDATE ON shares", func(t *testing.T, b *bench) (first, second func(context.Context) error) {
			one, two := int64(1), int64(2)
			v, _ := b.link(t, b.clean(t).ID, &one)
			if _, err := b.Redeem(t.Context(), v.ID, share.Ask{Edge: "a", Seq: 1, N: 1}); err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context) error {
					_, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 2, Return: 1})
					return err
				}, func(ctx context.Context) error {
					_, err := b.UpdateShare(ctx, b.tenant, v.ID, ShareUpdate{SetCap: true, MaxDownloads: &two})
					return err
				}
		}},
		{"a folder, and a file beside it", "INSERT ON folders", func(t *testing.T, b *bench) (first, second func(context.Context) error) {
			u, err := b.ReserveUpload(t.Context(), Upload{TenantID: b.tenant, SpaceID: b.space, OriginalName: "n", MIME: "text/plain", Size: 1}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context) error {
					_, err := b.CreateFolder(ctx, b.tenant, b.space, nil, "folder")
					return err
				}, func(ctx context.Context) error {
					_, err := b.CompleteUpload(ctx, u, share.Object{Key: u.ObjectKey, Version: "v"})
					return err
				}
		}},
		{"a delivery, and the end of its webhook", "UPDATE ON webhook_deliveries", func(t *testing.T, b *bench) (first, second func(context.Context) error) {
			w := b.hook(t)
			for range 3 {
				b.emit(t, nil)
			}
			failed, good, bad := b.take(t), b.take(t), b.take(t)
			failure := Failure{Reason: "no", Again: true, Retry: time.Minute, Pause: func(int64) time.Duration { return 0 }, Disable: time.Hour}
			if _, err := b.Failed(t.Context(), failed, failure); err != nil {
				t.Fatal(err)
			}
			failure.Disable = 0
			return func(ctx context.Context) error { return b.Delivered(ctx, good, 200) },
				func(ctx context.Context) error {
					disabled, err := b.Failed(ctx, bad, failure)
					if !disabled && err == nil {
						t.Errorf("webhook %s was not disabled", w.ID)
					}
					return err
				}
		}},
		{"counts of two links, and a verdict on their file", "UPDATE ON shares", func(t *testing.T, b *bench) (first, second func(context.Context) error) {
			file, before, after := b.clean(t).ID, newID(), newID()
			for _, id := range []string{after, before} { // whose request was repeated, and kept its id
				b.clock.add(time.Second)
				if _, err := b.CreateShare(WithID(t.Context(), id), NewShare{TenantID: b.tenant, FileID: file, Permission: share.View, Hash: share.HashToken}); err != nil {
					t.Fatal(err)
				}
			}
			return func(ctx context.Context) error {
					return b.AddDownloads(ctx, share.Batch{Edge: "a", Epoch: "e", Seq: 1, Count: map[string]int64{before: 1, after: 1}})
				}, func(ctx context.Context) error {
					return b.SetVerdict(ctx, file, Verdict{Status: share.Infected, SHA256: "d"})
				}
		}},
		{"counts of two links, and the trash of their folders", "UPDATE ON shares", func(t *testing.T, b *bench) (first, second func(context.Context) error) {
			var ids, folders []string
			for range 2 {
				folder, err := b.CreateFolder(t.Context(), b.tenant, b.space, nil, "folder")
				if err != nil {
					t.Fatal(err)
				}
				file := b.clean(t)
				if _, err := b.UpdateFile(t.Context(), b.tenant, file.ID, nil, Placement{Set: true, ID: &folder.ID}); err != nil {
					t.Fatal(err)
				}
				v, _ := b.link(t, file.ID, nil)
				ids, folders = append(ids, v.ID), append(folders, folder.ID)
			}
			b.relayed(t)
			for _, folder := range []string{folders[1], folders[0]} {
				if _, err := b.TrashFolder(t.Context(), b.tenant, folder); err != nil {
					t.Fatal(err)
				}
				b.clock.add(time.Second)
			}
			return func(ctx context.Context) error {
					return b.AddDownloads(ctx, share.Batch{Edge: "a", Epoch: "e", Seq: 1, Count: map[string]int64{ids[0]: 1, ids[1]: 1}})
				}, func(ctx context.Context) error {
					_, err := b.announceFolders(ctx)
					return err
				}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, err := database.OpenPostgres(t.Context(), testenv.Postgres(t)+"&deadlock_timeout=1h", 16)
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, db)
			first, second := tt.stage(t, b)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			goOn := b.holdUp(t, tt.stop)
			ended := make(chan error, 2)
			go func() { ended <- first(ctx) }()
			b.awaitWaiting(t, 1)
			go func() { ended <- second(ctx) }()
			b.awaitWaiting(t, 2)
			goOn()
			for range 2 {
				if err := <-ended; err != nil {
					t.Errorf("%v; want each to wait for the other one's end", err)
				}
			}
		})
	}
}

// holdUp stops whoever comes to a row by such a statement, after the row is locked,
// until goOn is called.
func (b *bench) holdUp(t *testing.T, at string) (goOn func()) {
	t.Helper()
	conn, err := b.db.Read().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END'`,
		`CREATE TRIGGER wait BEFORE ` + at + ` FOR EACH ROW EXECUTE FUNCTION wait()`,
		`SELECT pg_advisory_lock(1)`,
	} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), `SELECT pg_advisory_unlock(1)`); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

// awaitWaiting waits until so many statements wait for a lock.
func (b *bench) awaitWaiting(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var n int
		if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d statements wait for a lock; want %d", n, want)
		}
	}
}
