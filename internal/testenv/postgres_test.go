package testenv

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func mustConnect(tb testing.TB, dsn string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return conn
}

func TestPostgresAnswers(t *testing.T) {
	conn := mustConnect(t, Postgres(t))
	defer conn.Close(t.Context())
	var one int
	if err := conn.QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Fatalf("SELECT 1 = %d, %v", one, err)
	}
}

func TestPostgresDatabasesAreApart(t *testing.T) {
	ctx, dsn := t.Context(), Postgres(t)
	first, second := mustConnect(t, dsn), mustConnect(t, Postgres(t))
	defer first.Close(ctx)
	defer second.Close(ctx)
	for _, conn := range []*pgx.Conn{first, second} { // the same name in both
		if _, err := conn.Exec(ctx, "CREATE TABLE links (id bigint)"); err != nil {
			t.Fatal(err)
		}
	}
	if first.Config().Port != second.Config().Port {
		t.Fatal("two clusters in one test process")
	}
}

func TestPostgresDropsWhatATestLeavesOpen(t *testing.T) {
	var dsn string
	t.Run("inner", func(t *testing.T) {
		dsn = Postgres(t)
		mustConnect(t, dsn) // left open on purpose
	})
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("the database outlived its test")
	}
}
