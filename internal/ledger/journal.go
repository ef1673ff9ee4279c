package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"rawlink/internal/share"
)

// Journal keeps counts in files until they are handed over, so that the death of
// the process loses none that was written. There is one file for each batch: a
// line that names it, then what was added to it, a line each time. A line that
// isn't whole was being written when the process died, and ends the file. Nothing
// is synced: what a crash of the machine itself takes is not promised.
//
// Processes share the directory while one takes over from another. Each writes the
// batches of its own epoch, and holds that epoch's lock; whoever gets the lock of
// another epoch knows that its process is dead, and hands over what it left.
type Journal struct {
	dir   string
	epoch string
	all   *os.File            // of the directory, shared: earlier versions took it for themselves alone
	locks map[string]*os.File // by epoch: its own, and those of the dead that it has batches of
}

const (
	journalSuffix = ".counts"
	lockSuffix    = ".lock"
)

// ErrJournalInUse is opening a directory that an earlier version writes to, which
// takes it for itself alone.
var ErrJournalInUse = errors.New("another process uses the directory")

// OpenJournal begins an epoch in a directory, which it makes if need be.
func OpenJournal(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	all, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := unix.Flock(int(all.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		_ = all.Close()
		return nil, fmt.Errorf("open journal: %w", errors.Join(ErrJournalInUse, err))
	}
	j := &Journal{dir: dir, all: all, locks: map[string]*os.File{}}
	for range 3 { // somebody may clear a lock away before it is held
		j.epoch = rand.Text()
		ok, lockErr := j.take(j.epoch)
		if ok {
			return j, nil
		}
		err = errors.Join(err, lockErr)
	}
	return nil, fmt.Errorf("open journal: no lock on an epoch: %w", errors.Join(err, all.Close()))
}

// Close lets other processes have what was not handed over.
func (j *Journal) Close() error {
	err := j.all.Close()
	for epoch := range j.locks {
		if len(j.files(epoch)) == 0 {
			_ = os.Remove(j.lockPath(epoch)) // else somebody does later
		}
		err = errors.Join(err, j.locks[epoch].Close())
	}
	clear(j.locks)
	return err
}

func (j *Journal) lockPath(epoch string) string { return filepath.Join(j.dir, epoch+lockSuffix) }

// files are the paths of an epoch's batches.
func (j *Journal) files(epoch string) []string {
	paths, _ := filepath.Glob(filepath.Join(j.dir, epoch+"-*"+journalSuffix)) // the pattern is sound
	return paths
}

// take takes an epoch's lock, unless its process lives.
func (j *Journal) take(epoch string) (ok bool, err error) {
	lock, err := os.OpenFile(j.lockPath(epoch), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("lock epoch: %w", err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil || !j.current(lock) {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil // its process lives
		}
		return false, errors.Join(err, lock.Close())
	}
	j.locks[epoch] = lock
	return true, nil
}

// current reports whether a lock's file still has its name.
func (j *Journal) current(lock *os.File) bool {
	held, errHeld := lock.Stat()
	named, errNamed := os.Stat(lock.Name())
	return errHeld == nil && errNamed == nil && os.SameFile(held, named)
}

// left returns the batches that dead processes did not hand over, in the order in
// which they have to be: by epoch, then by number. What was returned before is not
// returned again. Files that can't be read are left alone and reported beside the
// rest, once.
func (j *Journal) left() (batches []share.Batch, err error) {
	for _, epoch := range j.epochs() {
		if _, known := j.locks[epoch]; known {
			continue
		}
		ok, lockErr := j.take(epoch)
		if err = errors.Join(err, lockErr); !ok {
			continue
		}
		found, readErr := j.leftOf(epoch)
		batches, err = append(batches, found...), errors.Join(err, readErr)
		if len(found) == 0 && readErr == nil {
			j.forget(epoch)
		}
	}
	return batches, err
}

// epochs lists those that there is anything of.
func (j *Journal) epochs() []string {
	entries, _ := os.ReadDir(j.dir) // what can't be read has nothing
	var all []string
	for _, entry := range entries {
		epoch, isLock := strings.CutSuffix(entry.Name(), lockSuffix)
		if !isLock {
			named, isBatch := strings.CutSuffix(entry.Name(), journalSuffix)
			if !isBatch {
				continue
			}
			epoch, _, _ = strings.Cut(named, "-")
		}
		all = append(all, epoch)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// forget ends a dead process's epoch, of which nothing is left.
func (j *Journal) forget(epoch string) {
	_ = os.Remove(j.lockPath(epoch))
	_ = j.locks[epoch].Close()
	delete(j.locks, epoch)
}

func (j *Journal) leftOf(epoch string) (batches []share.Batch, err error) {
	for _, path := range j.files(epoch) {
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
	slices.SortFunc(batches, func(a, b share.Batch) int { return int(a.Seq - b.Seq) })
	return batches, err
}

// done forgets a batch that was taken over.
func (j *Journal) done(b *share.Batch) {
	_ = os.Remove(j.path(b)) // else it is handed over again, to no effect
	if _, held := j.locks[b.Epoch]; !held || b.Epoch == j.epoch {
		return
	}
	if len(j.files(b.Epoch)) == 0 {
		j.forget(b.Epoch)
	}
}
