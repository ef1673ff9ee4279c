package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/pressly/goose/v3"
)

// sqliteReaders is enough: a point query takes tens of microseconds.
const sqliteReaders = 4

// OpenSQLite opens or creates the database file at path. One connection writes:
// several would fight for SQLite's single write lock and starve each other.
// synchronous=FULL makes an answered commit survive a power cut; immediate
// transactions take the write lock at once, so that none can fail half-way for
// having read before writing.
func OpenSQLite(ctx context.Context, path string) (*DB, error) {
	write, err := openSQLite(ctx, path, url.Values{
		"_pragma": {"journal_mode(WAL)", "busy_timeout(5000)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	})
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := openSQLite(ctx, path, url.Values{
		"_pragma": {"busy_timeout(5000)", "query_only(1)"},
	})
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return &DB{
		write:   write,
		read:    read,
		dialect: goose.DialectSQLite3,
		pool: func() Pool {
			w, r := write.Stats(), read.Stats()
			return Pool{
				Max: 1 + sqliteReaders, InUse: w.InUse + r.InUse, Waits: w.WaitCount + r.WaitCount, Waited: w.WaitDuration + r.WaitDuration,
			}
		},
		close: func() error { return errors.Join(read.Close(), write.Close()) },
	}, nil
}

func openSQLite(ctx context.Context, path string, query url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open database file: %w", err)
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database file %s: %w", path, err), db.Close())
	}
	return db, nil
}
