package database

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pressly/goose/v3"
)

// Backup writes a consistent copy of a SQLite database to a new file at path,
// while others read and write the original: what is in it was all there at one
// moment. The copy is checked before Backup returns nil.
//
// VACUUM INTO reads under one snapshot and holds no lock that a writer waits for,
// see SQLite's documentation of VACUUM.
func (d *DB) Backup(ctx context.Context, path string) error {
	if d.dialect != goose.DialectSQLite3 {
		return errors.New("back up the database: this one is PostgreSQL; use pg_dump or its continuous archiving")
	}
	if _, err := d.write.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), syncFile(path)); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	copied, err := OpenSQLite(ctx, path)
	if err != nil {
		return fmt.Errorf("check the backup: %w", err)
	}
	var verdict string
	err = copied.read.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = errors.New("the copy is damaged: " + verdict)
	}
	if err = errors.Join(err, copied.Close()); err != nil {
		return fmt.Errorf("check the backup: %w", err)
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
