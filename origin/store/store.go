package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"sync/atomic"
	"time"

	"rawlink/internal/database"
	"rawlink/internal/share"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the origin's database. Safe for concurrent use.
type Store struct {
	db  *database.DB
	now func() time.Time

	// countPermanentLinks says whether links without expiry count against
	// links_limit (setting quota.count_permanent_links).
	countPermanentLinks bool
	nearLimit           int64              // see Options
	cdn                 bool               // a CDN is to be told of changes
	wake                wakeup             // the relay's
	hooks               wakeup             // the webhooks' workers'
	told                atomic.Bool        // an event was queued since hooks was rung
	jobs                map[JobKind]wakeup // the workers'; never written after Open

	creations *gather[creation, Share]     // lines: ofAll, and tenants that somebody else holds
	logins    *gather[string, *Key]        // line ofAll; asks are hashes of keys
	looks     *gather[fileOfTenant, *File] // line ofAll
}

// Options are what a Store needs to know beside its database.
type Options struct {
	CountPermanentLinks bool
	NearLimit           int64            // percent of a limit from which on webhooks are warned; 0 = never
	CDN                 bool             // queue a JobPurgeCDN for each change
	Now                 func() time.Time // nil = time.Now
}

// Open migrates the schema and returns the store. It does not own db.
func Open(ctx context.Context, db *database.DB, options Options) (*Store, error) {
	tables, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, tables); err != nil {
		return nil, err
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Store{
		db:                  db,
		now:                 options.Now,
		countPermanentLinks: options.CountPermanentLinks,
		nearLimit:           options.NearLimit,
		cdn:                 options.CDN,
		hooks:               newWakeup(),
		wake:                newWakeup(),
		jobs:                map[JobKind]wakeup{JobScan: newWakeup(), JobRescan: newWakeup(), JobRemoveObject: newWakeup(), JobAbortParts: newWakeup(), JobEmptyTrash: newWakeup(), JobPurgeCDN: newWakeup()},
	}
	s.creations = newGather(togetherMost, s.createShares)
	s.logins = newGather(togetherMost, s.authenticateAll)
	s.looks = newGather(togetherMost, s.lookAtFiles)
	return s, nil
}

// Check reports whether the database answers.
func (s *Store) Check(ctx context.Context) error { return s.db.Check(ctx) }

// Pool returns a reading of the connections to the database.
func (s *Store) Pool() database.Pool { return s.db.Pool() }

// Backup writes a consistent copy of a SQLite database to a new file, see
// database.DB.Backup.
func (s *Store) Backup(ctx context.Context, path string) error { return s.db.Backup(ctx, path) }

// micros is the time as the tables hold it.
func (s *Store) micros() int64 { return s.now().UnixMicro() }

// Refusal is an answer that a client may read: Detail is public.
type Refusal struct {
	Kind   share.Kind
	Detail string
	Quota  *QuotaRefusal // set for a refusal by quota
}

// QuotaRefusal is the machine's side of a refusal by quota.
type QuotaRefusal struct {
	Resource  string // "bytes" or "links"
	Limit     int64
	Used      int64
	Requested int64
}

func (r *Refusal) Error() string { return r.Detail }

// ErrorKind lets share.KindOf find the kind.
func (r *Refusal) ErrorKind() share.Kind { return r.Kind }

func refuse(kind share.Kind, detail string) error { return &Refusal{Kind: kind, Detail: detail} }

func isNotFound(err error) bool { return err != nil && share.KindOf(err) == share.NotFound }

func notFound(what string) error { return refuse(share.NotFound, what+" not found") }

// orNotFound turns "no row" into the public 404 of that thing.
func orNotFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(what)
	}
	return err
}

// querier is a transaction or the read pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scanner is *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// collect reads all rows with one function per row. The result is never nil, so
// that an empty list is [] in JSON.
func collect[T any](rows *sql.Rows, err error, read func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := []T{}
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// collectBy is collect into a map, with a function that reads a row and its key.
func collectBy[T any](rows *sql.Rows, err error, read func(scanner) (key string, one T, err error)) (map[string]T, error) {
	all := map[string]T{}
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		key, one, err := read(row)
		all[key] = one
		return none, err
	})
	return all, err
}

// changed reports whether a statement touched any row.
func changed(result sql.Result, err error) (bool, error) {
	n, err := affected(result, err)
	return n > 0, err
}

// affected returns how many rows a statement touched.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// IsDown reports whether an error of this package means that the database can't
// be asked now, and not that something is wrong with what was asked.
func IsDown(err error) bool { return database.IsDown(err) }
