package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// DB is an open database. Transactions go through InTx; Read serves statements
// that change nothing.
type DB struct {
	write   *sql.DB
	read    *sql.DB
	dialect goose.Dialect
	locker  []goose.ProviderOption
	pool    func() Pool
	close   func() error
}

// Pool is a reading of the connections to the database. Counters only grow.
type Pool struct {
	Max, InUse int
	Waits      int64         // times that all were in use and one had to be waited for
	Waited     time.Duration // in all
}

// Pool returns a reading.
func (d *DB) Pool() Pool { return d.pool() }

// Read returns the handle for statements outside a transaction that change
// nothing. On SQLite it is a pool of its own, so that readers never wait for the
// single writer.
func (d *DB) Read() *sql.DB { return d.read }

// ForUpdate is the suffix that locks the selected rows: PostgreSQL's FOR NO KEY UPDATE,
// the lock that an UPDATE takes. FOR UPDATE would also hold up each insertion of a row
// that names one of these, at a place of its transaction that no order of locks knows of.
// SQLite needs none, its transactions are serial from their first statement.
func (d *DB) ForUpdate() string {
	if d.dialect == goose.DialectPostgres {
		return " FOR NO KEY UPDATE"
	}
	return ""
}

// ForShare is the suffix that keeps the selected rows as they are, while others do the
// same: PostgreSQL's FOR SHARE.
func (d *DB) ForShare() string {
	if d.dialect == goose.DialectPostgres {
		return " FOR SHARE"
	}
	return ""
}

// SkipLocked is ForUpdate for work queues: rows that another transaction holds
// are passed over.
func (d *DB) SkipLocked() string {
	if d.dialect == goose.DialectPostgres {
		return " FOR NO KEY UPDATE SKIP LOCKED"
	}
	return ""
}

// Migrate brings the schema to the newest version in migrations. Several
// processes may call it at the same time.
func (d *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	provider, err := goose.NewProvider(d.dialect, d.write, migrations, d.locker...)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// txAttempts bounds how often a transaction is run again after the engine gave
// it up for another one's sake.
const txAttempts = 5

// InTx runs fn in one transaction and commits it if fn returns nil. fn may run
// several times, when PostgreSQL reports a deadlock or a serialization failure,
// so it must not have effects outside the transaction.
func (d *DB) InTx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := d.once(ctx, fn)
		if err == nil || attempt == txAttempts || !retryable(err) {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(attempt) * int64(5*time.Millisecond))) //nolint:gosec // a spread, not a secret
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (d *DB) once(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	if err := fn(tx); err != nil {
		return err
	}
	err = tx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // whose end has rolled it back
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// PostgreSQL's codes, see its manual, appendix A.
const (
	pgUniqueViolation      = "23505"
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
)

func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == pgSerializationFailure || pg.Code == pgDeadlockDetected)
}

// IsDown reports whether an error says that the database can't be asked now: it
// refuses connections, is starting or ending, or a connection broke. What was sent
// before it broke may have been committed.
func IsDown(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) { // classes 08 connection, 53 resources, 57P shutdown and start; 25P03, idle for too long
		return pg.Code == "25P03" || strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57P")
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF)
}

// IsUnique reports whether err is a violated UNIQUE or PRIMARY KEY constraint.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == pgUniqueViolation
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// Check reports whether the database answers.
func (d *DB) Check(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	return nil
}

// Close ends all connections.
func (d *DB) Close() error { return d.close() }
