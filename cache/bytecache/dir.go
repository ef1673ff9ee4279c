package bytecache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// file is what a slice is written to, and read from while it fills.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

const (
	fillsDir = "filling" // of slices that aren't complete; emptied at start
	lockName = "lock"
)

var (
	errLocked = errors.New("another process uses the directory")
	errLeft   = errors.New("the directory was left to another process")
)

// openDisk takes possession of a directory. If the disk refuses, that is tried
// again later; that it belongs to another process is an error.
func openDisk(cfg Config) (*disk, error) {
	d := &disk{
		dir: cfg.Dir, limit: cfg.DiskBytes, verify: cfg.VerifyEvery, retry: cfg.DiskRetry, now: cfg.Now,
		objects: make(map[[32]byte]map[int64]*slot),
	}
	d.create = func(path string) (file, error) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	}
	err := os.MkdirAll(d.dir, 0o700)
	if err == nil {
		err = d.settle()
	}
	if errors.Is(err, errLocked) && !cfg.Await {
		return nil, err
	}
	if err != nil {
		d.failed(err)
	}
	return d, nil
}

// settle locks the directory, clears what a crash left, and indexes the slices:
// by their names alone, so it takes little time and has no need of a goroutine.
// Once that has succeeded it does nothing.
func (d *disk) settle() error {
	d.settling.Lock()
	defer d.settling.Unlock()
	if d.left.Load() {
		return errLeft
	}
	if d.lock != nil {
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(d.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	err = os.RemoveAll(filepath.Join(d.dir, fillsDir))
	if err == nil {
		err = d.scan()
	}
	if err != nil {
		_ = lock.Close()
		return err
	}
	d.lock = lock
	return nil
}

func (d *disk) scan() error {
	shards, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if len(shard.Name()) != 2 || !shard.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(d.dir, shard.Name()))
		if err != nil {
			return err
		}
		for _, f := range files {
			path := filepath.Join(d.dir, shard.Name(), f.Name())
			k, ok := parseName(f.Name())
			switch {
			case !ok || k.path(d.dir) != path: // not ours
			case d.reserve(k.size + footerSize):
				d.insert(k)
			default:
				_ = os.Remove(path) // larger than all we may hold
			}
		}
	}
	return nil
}

// ready reports whether a slice may be written. After a refusal one caller per
// pause finds out whether the disk is back.
func (d *disk) ready() bool {
	if d.left.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down == nil {
		return true
	}
	now := d.now()
	if now.Before(d.retryAt) {
		return false
	}
	d.retryAt = now.Add(d.retry)
	return true
}

// begin creates the file of a slice to be written.
func (d *disk) begin() (path string, f file, err error) {
	if err := d.settle(); err != nil {
		return "", nil, err
	}
	path = filepath.Join(d.dir, fillsDir, strconv.FormatUint(rand.Uint64(), 36)) //nolint:gosec // a name that is free, guards nothing
	err = inDir(path, func() (err error) { f, err = d.create(path); return err })
	return path, f, err
}

// publish gives a complete file its name and indexes it. It holds on to the
// directory meanwhile: a file that appears after a successor has looked at what is
// there would be nobody's.
func (d *disk) publish(k key, path string) error {
	d.settling.RLock()
	defer d.settling.RUnlock()
	if d.left.Load() {
		return errLeft
	}
	to := k.path(d.dir)
	if err := inDir(to, func() error { return os.Rename(path, to) }); err != nil {
		return err
	}
	d.insert(k)
	d.mu.Lock()
	d.down = nil
	d.mu.Unlock()
	return nil
}

// inDir makes the directory of path if that is what f misses. It doesn't make
// its parents: below a mount point that has vanished is another disk.
func inDir(path string, f func() error) error {
	err := f()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f()
}

// failed says that the disk refused a write. A full one holds more than the
// cache knows of, so the cache makes room.
func (d *disk) failed(err error) {
	if d.left.Load() {
		return // that is no fault of the disk's
	}
	d.refused.Add(1)
	d.mu.Lock()
	d.down, d.retryAt = err, d.now().Add(d.retry)
	var gone []*slot
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		gone = d.shrinkLocked(d.held - d.held/8)
	}
	d.mu.Unlock()
	d.unlink(gone)
}

// state returns the bytes held, the slices indexed, and why writes are refused.
func (d *disk) state() (held int64, slices int, down error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held, d.queue.len(), d.down
}

// takeOver is settle for a directory that was another process's. Writes needn't wait
// for the end of a pause then.
func (d *disk) takeOver() error {
	if err := d.settle(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if errors.Is(d.down, errLocked) {
		d.down = nil
	}
	return nil
}

// leave gives the directory up. The index stays: slices never change, and what
// another process removes is not found.
func (d *disk) leave() {
	d.left.Store(true) // first, so that nobody removes what is about to be another's
	d.close()
}

func (d *disk) close() {
	d.settling.Lock()
	defer d.settling.Unlock()
	if d.lock != nil {
		_ = d.lock.Close() // which unlocks it
		d.lock = nil
	}
}
