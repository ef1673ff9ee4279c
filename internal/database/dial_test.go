package database

import (
	"database/sql"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rawlink/internal/testenv"
)

// TestSilentHostIsGivenUp wants the kernel to end connections to a host that is gone:
// statements without a deadline wait on them.
func TestSilentHostIsGivenUp(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	conn, err := dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]int{"TCP_USER_TIMEOUT": unix.TCP_USER_TIMEOUT, "TCP_KEEPIDLE": unix.TCP_KEEPIDLE} {
		var value int
		var failed error
		if err := raw.Control(func(fd uintptr) { value, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		most := int(silence.Seconds())
		if option == unix.TCP_USER_TIMEOUT {
			most = int(silence.Milliseconds())
		}
		if value == 0 || value > most {
			t.Errorf("%s = %d; want up to %d", name, value, most)
		}
	}
}

// TestServerGivesUpSilentHosts wants the server to end the transactions of a process
// that is cut off or stands still, for others wait for what it has locked.
func TestServerGivesUpSilentHosts(t *testing.T) {
	db, err := OpenPostgres(t.Context(), testenv.Postgres(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for name, want := range map[string]string{
		"idle_in_transaction_session_timeout": "20s", "tcp_user_timeout": "20000",
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	} {
		var got string
		if err := db.Read().QueryRowContext(t.Context(), "SHOW "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %s", name, got, err, want)
		}
	}
}

// TestIdledTransactionIsDown has a process stand still in a transaction for too long: it
// is told so, as if the database had gone, and not of a fault in what it asked.
func TestIdledTransactionIsDown(t *testing.T) {
	db, err := OpenPostgres(t.Context(), testenv.Postgres(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.InTx(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "SET LOCAL idle_in_transaction_session_timeout = '1ms'"); err != nil {
			return err
		}
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond) // stands still
			if _, err := tx.ExecContext(t.Context(), "SELECT 1"); err != nil {
				return err
			}
		}
		return nil
	})
	if !IsDown(err) {
		t.Errorf("%v; want an error that is down", err)
	}
}
