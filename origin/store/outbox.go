package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rawlink/internal/share"
)

// Woken is rung after a commit that gave the relay something to tell.
func (s *Store) Woken() <-chan struct{} { return s.wake }

// inTxAndWake is InTx for transactions that may write the outbox.
func (s *Store) inTxAndWake(ctx context.Context, fn func(tx *sql.Tx) error) error {
	err := s.write(ctx, fn)
	if err == nil {
		s.wake.ring()
	}
	return err
}

// announceFiles raises the version of all shares of the matching files and
// writes them to the outbox. condition is on files, with $1 for arg.
func (s *Store) announceFiles(ctx context.Context, tx *sql.Tx, condition, arg string) error {
	return s.announceAll(ctx, tx, `file_id IN (SELECT id FROM files WHERE `+condition+`)`, arg)
}

// announceAll does the same for shares that match.
func (s *Store) announceAll(ctx context.Context, tx *sql.Tx, condition string, args ...any) error {
	if err := s.lockShares(ctx, tx, condition, args...); err != nil {
		return err
	}
	return s.announce(ctx, tx, condition, args...)
}

// lockShares locks those that match in the order of their ids, as everybody does who
// locks several: an UPDATE takes them as it finds them.
func (s *Store) lockShares(ctx context.Context, tx *sql.Tx, condition string, args ...any) error {
	lock := s.db.ForUpdate()
	if lock == "" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SELECT 1 FROM shares WHERE `+condition+` ORDER BY id`+lock, args...); err != nil {
		return fmt.Errorf("lock shares: %w", err)
	}
	return nil
}

// announceShare does the same for one share.
func (s *Store) announceShare(ctx context.Context, tx *sql.Tx, shareID string) error {
	return s.announce(ctx, tx, `id = $1`, shareID)
}

// announce raises versions under the shares' row locks, so that two changes of
// one share get two versions in the order in which they commit.
func (s *Store) announce(ctx context.Context, tx *sql.Tx, condition string, args ...any) error {
	rows, err := tx.QueryContext(ctx, `UPDATE shares SET version = version + 1 WHERE `+condition+` RETURNING id, token_hash, version`, args...)
	told, err := collect(rows, err, func(row scanner) (outboxRow, error) {
		var r outboxRow
		err := row.Scan(&r.id, &r.hash, &r.version)
		return r, err
	})
	if err != nil {
		return fmt.Errorf("raise versions: %w", err)
	}
	if err := s.announceToCDN(ctx, tx, told); err != nil {
		return fmt.Errorf("queue purges at the CDN: %w", err)
	}
	now := s.micros()
	for batch := range slices.Chunk(told, outboxBatch) {
		args := make([]any, 0, 4*len(batch))
		for _, r := range batch {
			args = append(args, newID(), r.hash, r.version, now)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (id, token_hash, version, created_at) VALUES `+tuples(len(batch), 4), args...); err != nil {
			return fmt.Errorf("write outbox: %w", err)
		}
	}
	return nil
}

// When a CDN is told, after the commit: once the edges know in the normal course,
// and again when also one that was cut off refuses, for until then the CDN could
// have asked that one and kept its answer.
const (
	cdnSoon  = time.Second
	cdnAgain = 15 * time.Second
	cdnBatch = 30 // shares in one request: what Cloudflare takes
)

// announceToCDN queues what a cache in front of the edges is to drop.
func (s *Store) announceToCDN(ctx context.Context, tx *sql.Tx, told []outboxRow) error {
	if !s.cdn {
		return nil
	}
	for batch := range slices.Chunk(told, cdnBatch) {
		ids := make([]string, len(batch))
		for i, r := range batch {
			ids[i] = r.id
		}
		for _, pause := range []time.Duration{cdnSoon, cdnAgain} {
			if err := s.enqueue(ctx, tx, JobPurgeCDN, strings.Join(ids, " "), s.micros()+pause.Microseconds()); err != nil {
				return err
			}
		}
	}
	return nil
}

// outboxBatch is how many rows one statement writes.
const outboxBatch = 500

// tuples renders n groups of m placeholders: ($1, $2), ($3, $4), …
func tuples(n, m int) string {
	var text strings.Builder
	for i := range n * m {
		switch {
		case i%m != 0:
			text.WriteString(", ")
		case i > 0:
			text.WriteString("), (")
		default:
			text.WriteByte('(')
		}
		text.WriteByte('$')
		text.WriteString(strconv.Itoa(i + 1))
	}
	text.WriteByte(')')
	return text.String()
}

type outboxRow struct {
	id      string // the row's; of a change not yet written, the share's
	hash    string
	version int64
}

// Change is a share whose record changed, as the relay tells it.
type Change struct {
	Hash   share.Hash
	Record share.Record
}

// Relay hands up to limit untold changes to tell and forgets them if it returns
// nil. The records are read at this moment, so each is at least as new as the
// change that caused it. It returns how many rows were told, or that it found one
// thing to do before it can tell more.
func (s *Store) Relay(ctx context.Context, limit int, tell func([]Change) error) (int, error) {
	told, err := s.relay(ctx, limit, tell)
	if told > 0 || err != nil {
		return told, err
	}
	if some, err := s.announceFolders(ctx); !some || err != nil {
		return 0, err
	}
	return 1, nil
}

func (s *Store) relay(ctx context.Context, limit int, tell func([]Change) error) (told int, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, token_hash, version FROM outbox ORDER BY id LIMIT $1`+s.db.SkipLocked(), limit)
		claimed, err := collect(rows, err, func(row scanner) (outboxRow, error) {
			var r outboxRow
			err := row.Scan(&r.id, &r.hash, &r.version)
			return r, err
		})
		if err != nil || len(claimed) == 0 {
			return err
		}
		changes, err := s.changesOf(ctx, tx, claimed)
		if err != nil {
			return err
		}
		if err := tell(changes); err != nil {
			return err
		}
		ids := make([]any, len(claimed))
		for i, r := range claimed {
			ids[i] = r.id
		}
		told = len(claimed)
		_, err = tx.ExecContext(ctx, `DELETE FROM outbox WHERE id IN `+tuples(1, len(ids)), ids...)
		return err
	})
	return told, err
}

func (s *Store) changesOf(ctx context.Context, tx *sql.Tx, rows []outboxRow) ([]Change, error) {
	newest := map[string]int64{} // token hash → greatest version announced
	for _, r := range rows {
		newest[r.hash] = max(newest[r.hash], r.version)
	}
	records, err := s.records(ctx, tx, slices.Collect(maps.Keys(newest)))
	if err != nil {
		return nil, err
	}
	changes := make([]Change, 0, len(newest))
	for text, version := range newest {
		hash, err := share.ParseHash(text)
		if err != nil {
			return nil, err
		}
		record, found := records[text]
		if !found {
			// Purged: the tombstone says so, and is newer than any record.
			record = share.Record{Version: version, Gone: true}
		}
		changes = append(changes, Change{Hash: hash, Record: record})
	}
	return changes, nil
}

// untold names what waits: changes to be told by the ids of their rows, and folders to be
// announced, which leave such changes, by theirs behind a letter that no id begins with.
const untold = `(SELECT id FROM outbox UNION ALL SELECT '` + folderLetter + `' || folder_id AS id FROM untold_folders) untold`

const folderLetter = "z"

// IsFolder reports whether a name that UntoldRows or LastUntold returned is a folder's.
func IsFolder(name string) bool { return strings.HasPrefix(name, folderLetter) }

// UntoldRows names up to limit changes that wait to be told, and folders that wait to be
// announced, the least ones in their order.
func (s *Store) UntoldRows(ctx context.Context, limit int) ([]string, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id FROM `+untold+` ORDER BY id LIMIT $1`, limit)
	return collect(rows, err, func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	})
}

// LastUntold returns the greatest of the names of which UntoldRows returns the least, ""
// if nothing waits.
func (s *Store) LastUntold(ctx context.Context) (id string, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT COALESCE(MAX(id), '') FROM `+untold).Scan(&id)
	return id, err
}

// Untold returns how long the oldest change has been waiting to be told, 0 if
// none waits, by this process's clock.
func (s *Store) Untold(ctx context.Context) (time.Duration, error) {
	return s.waiting(ctx, `(SELECT created_at FROM outbox UNION ALL SELECT created_at FROM untold_folders) untold`)
}
