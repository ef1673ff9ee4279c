package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"rawlink/internal/database"
	"rawlink/internal/objects"
	"rawlink/origin/store"
)

type backup struct {
	place
	To      string `arg:"" help:"Directory for the backup; made if it is not there." type:"path"`
	Objects bool   `help:"Copy the files' bytes too." default:"true" negatable:""`
}

// Help is shown below the flags.
func (*backup) Help() string {
	return `Copies an embedded Rawlink while it runs: the database as it was at one moment,
the secrets without which no link works, and every file's bytes. A backup is a data
directory; to restore, copy it to where it is to stay and start rawlink up there.
Into a directory that holds an earlier backup, only new bytes are copied.

  rawlink admin backup /backup/rawlink
  cp -a /backup/rawlink /tmp/drill                              # a restore drill
  rawlink up --data /tmp/drill --api-addr 127.0.0.1:9080 --files-addr 127.0.0.1:9081 --ops-addr 127.0.0.1:9082
  rawlink admin recompute --check --data /tmp/drill

A production set-up is backed up with PostgreSQL's and the object store's own
tools; see docs/operating.md.`
}

// Run makes the backup. The database comes first, so that the bytes of every file
// in it are there to be copied, unless they are purged meanwhile.
func (c *backup) Run(ctx context.Context, std *streams) error {
	if c.DatabaseURL != "" {
		return errors.New("database-url: backup copies an embedded Rawlink only; use pg_dump for PostgreSQL, and your store's own copies for the bytes")
	}
	if sameDir(c.Data, c.To) {
		return errors.New("to: is the data directory itself; name another directory")
	}
	if err := os.MkdirAll(c.To, 0o700); err != nil {
		return fmt.Errorf("to: can't make the directory: %w", err)
	}
	draft := filepath.Join(c.To, "rawlink.db.draft")
	defer removeDatabase(draft)
	removeDatabase(draft) // of a backup that was cut off
	if err := c.with(ctx, func(tables *store.Store) error { return tables.Backup(ctx, draft) }); err != nil {
		return err
	}
	row, err := c.copyRest(ctx, std, draft)
	if err != nil {
		return err
	}
	removeDatabase(filepath.Join(c.To, "rawlink.db")) // its log, too: it belongs to the old one
	if err := os.Rename(draft, filepath.Join(c.To, "rawlink.db")); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	return c.show(std.out, []map[string]any{row}, "backup", "tenants", "files", "shares", "bytes", "copied", "missing")
}

// copyRest copies what the database at path needs beside itself, and says how much
// there is.
func (c *backup) copyRest(ctx context.Context, std *streams, path string) (row map[string]any, err error) {
	db, err := database.OpenSQLite(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := store.Open(ctx, db, store.Options{CountPermanentLinks: true})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"secrets.json", "api-key"} {
		raw, err := os.ReadFile(filepath.Join(c.Data, name))
		if errors.Is(err, fs.ErrNotExist) && name == "api-key" {
			continue
		}
		if err == nil {
			err = writeSecret(filepath.Join(c.To, name), raw)
		}
		if err != nil {
			return nil, fmt.Errorf("data: copy %s: %w", name, err)
		}
	}
	totals, err := tables.Totals(ctx)
	if err != nil {
		return nil, err
	}
	var copied int64
	var done, missing int
	report := newProgress(std.err, "files")
	if c.Objects {
		err = tables.ObjectKeys(ctx, func(key string) error {
			n, err := objects.CopyLocal(ctx, c.Data, c.To, key)
			if errors.Is(err, fs.ErrNotExist) {
				missing++
			} else if err != nil {
				return err
			}
			copied += n
			done++
			report.at(done, int(totals.Files))
			return nil
		})
	}
	return map[string]any{"backup": c.To, "tenants": totals.Tenants, "files": totals.Files, "shares": totals.Shares,
		"bytes": c.size(totals.Bytes), "copied": c.size(copied), "missing": missing}, err
}

// size is a number of bytes, for a reader or for a program.
func (p *place) size(n int64) any {
	if p.JSON {
		return n
	}
	return humanize.IBytes(uint64(max(0, n)))
}

// removeDatabase removes a SQLite file and what belongs to it.
func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + suffix) // absent, mostly
	}
}

func sameDir(a, b string) bool {
	first, errFirst := os.Stat(a)
	second, errSecond := os.Stat(b)
	return errFirst == nil && errSecond == nil && os.SameFile(first, second)
}
