package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rawlink/internal/share"
)

// Journal keeps counts in files until they are handed over, so that the death of
// the process loses none that was written. There is one file for each batch: a
// line that names it, then what was added to it, a line each time. A line that
// isn't whole was being written when the process died, and ends the file. Nothing
// is synced: what a crash of the machine itself takes is not promised.
type Journal struct {
	dir  string
	lock *os.File
}

const journalSuffix = ".counts"

// ErrJournalInUse is opening a directory that another process writes to.
var ErrJournalInUse = errors.New("another process uses the directory")

// OpenJournal takes possession of a directory, which it makes if need be.
func OpenJournal(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open journal: %w", errors.Join(ErrJournalInUse, err))
	}
	return &Journal{dir: dir, lock: lock}, nil
}

// Close lets another process have the directory.
func (j *Journal) Close() error { return j.lock.Close() }

// left returns the batches that were not handed over, in the order in which they
// have to be: by epoch, then by number. Files that can't be read are left alone
// and reported beside the rest.
func (j *Journal) left() (batches []share.Batch, err error) {
	paths, _ := filepath.Glob(filepath.Join(j.dir, "*"+journalSuffix)) // the pattern is sound
	for _, path := range paths {
		b, readErr := readBatch(path)
		switch {
		case readErr != nil:
			err = errors.Join(err, readErr)
		case len(b.Count) == 0:
			_ = os.Remove(path) // nothing was added to it, or not even its name
		default:
			batches = append(batches, b)
		}
	}
	slices.SortFunc(batches, func(a, b share.Batch) int {
		if c := strings.Compare(a.Epoch, b.Epoch); c != 0 {
			return c
		}
		return int(a.Seq - b.Seq)
	})
	return batches, err
}

func readBatch(path string) (b share.Batch, err error) {
	file, err := os.Open(path)
	if err != nil {
		return b, fmt.Errorf("read journal: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for first := true; lines.Scan(); first = false {
		body, ok := unseal(lines.Bytes())
		if !ok {
			break
		}
		var added map[string]int64
		if first {
			err = json.Unmarshal(body, &b)
			b.Count = map[string]int64{}
		} else {
			err = json.Unmarshal(body, &added)
		}
		if err != nil {
			return b, fmt.Errorf("read journal: %s: %w", filepath.Base(path), err)
		}
		for id, n := range added {
			b.Count[id] += n
		}
	}
	if err := lines.Err(); err != nil {
		return b, fmt.Errorf("read journal: %s: %w", filepath.Base(path), err)
	}
	return b, nil
}

// maxLine bounds a line of the journal: maxShares ids with their counts fit.
const maxLine = 1 << 20

// seal ends a line and begins it with its checksum.
func seal(line []byte, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return line, err
	}
	line = fmt.Appendf(line, "%08x ", crc32.ChecksumIEEE(body))
	return append(append(line, body...), '\n'), nil
}

func unseal(line []byte) (body []byte, ok bool) {
	if len(line) < 9 || line[8] != ' ' {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	return line[9:], err == nil && uint32(sum) == crc32.ChecksumIEEE(line[9:])
}

func (j *Journal) path(b *share.Batch) string {
	return filepath.Join(j.dir, b.Epoch+"-"+strconv.FormatInt(b.Seq, 10)+journalSuffix)
}

// add notes what was added to a batch that has so much in total already. A file
// that has grown beyond use is written anew.
func (j *Journal) add(b *share.Batch, added map[string]int64) error {
	info, err := os.Stat(j.path(b))
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && info.Size() > maxLine:
		return j.write(b)
	case err != nil:
		return fmt.Errorf("write journal: %w", err)
	}
	line, err := seal(nil, added)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	file, err := os.OpenFile(j.path(b), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	_, err = file.Write(line)
	return wrapClose(file, err)
}

// write begins a batch's file with all of it.
func (j *Journal) write(b *share.Batch) error {
	named := *b
	named.Count = nil
	text, err := seal(nil, named)
	if err == nil {
		text, err = seal(text, b.Count)
	}
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	fresh := j.path(b) + ".new"
	if err = os.WriteFile(fresh, text, 0o600); err == nil {
		err = os.Rename(fresh, j.path(b))
	}
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func wrapClose(file *os.File, err error) error {
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// done forgets a batch that was taken over.
func (j *Journal) done(b *share.Batch) { _ = os.Remove(j.path(b)) } // else it is handed over again, to no effect
