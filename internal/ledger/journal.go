package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
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
	rest  map[string]int64    // by epoch of the dead: the first number that could not be read yet
}

const (
	journalSuffix = ".counts"
	freshSuffix   = journalSuffix + ".new" // being written, to be renamed
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
	j := &Journal{dir: dir, all: all, locks: map[string]*os.File{}, rest: map[string]int64{}}
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
		if left, listErr := j.files(epoch); len(left) == 0 && listErr == nil {
			_ = os.Remove(j.lockPath(epoch)) // else somebody does later
		}
		err = errors.Join(err, j.locks[epoch].Close())
	}
	clear(j.locks)
	return err
}

func (j *Journal) lockPath(epoch string) string { return filepath.Join(j.dir, epoch+lockSuffix) }

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
