package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"golang.org/x/sys/unix"
)

// silence is how long a server's host may say nothing at all, not even that it got what
// was sent, until its connections are given up. What works in the background has no
// deadline of its own: on a connection to a host that was cut off and replaced it would
// wait for as long as the kernel sends again, a quarter of an hour.
const silence = 20 * time.Second

// alive has the server give this process up likewise, when it was cut off or stands
// still: it would keep an open transaction, and the rows that this has locked, for two
// hours or for ever. They are set by a statement, for poolers refuse them in the greeting.
var alive = fmt.Sprintf(`SET idle_in_transaction_session_timeout = '%[1]ds'; SET tcp_user_timeout = '%[1]ds';
	SET tcp_keepalives_idle = %[2]d; SET tcp_keepalives_interval = %[2]d; SET tcp_keepalives_count = 3`,
	int(silence.Seconds()), int(silence.Seconds()/4))

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 4, Interval: silence / 4, Count: 3},
		ControlContext: func(_ context.Context, network, _ string, conn syscall.RawConn) (err error) {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			failed := conn.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
			})
			return errors.Join(failed, err)
		},
	}
	return dialer.DialContext(ctx, network, addr)
}

// OpenPostgres connects to the database named by a postgres:// URL. The URL may
// hold a password, so errors leave it out.
func OpenPostgres(ctx context.Context, dsn string, maxConns int) (*DB, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("database_url: not a PostgreSQL URL of the form postgres://user:password@host:port/name")
	}
	config.MaxConns = int32(min(maxConns, 1000)) //nolint:gosec // at most 1000
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	config.ConnConfig.DialFunc = dial
	config.ConnConfig.Tracer = statements{}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, alive).ReadAll()
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("prepare the migration lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	return &DB{
		write:   db,
		read:    db,
		dialect: goose.DialectPostgres,
		locker:  []goose.ProviderOption{goose.WithSessionLocker(locker)},
		pool: func() Pool {
			s := pool.Stat()
			return Pool{Max: int(s.MaxConns()), InUse: int(s.AcquiredConns()), Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime()}
		},
		close: func() error {
			err := db.Close()
			pool.Close()
			return err
		},
	}, nil
}
