package bytecache

import (
	"crypto/sha256"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// disk is the index of the slices in a directory, and the bound on their bytes.
// A file whose slice isn't in the index isn't used.
type disk struct {
	dir    string
	limit  int64 // bytes
	verify time.Duration
	retry  time.Duration
	now    func() time.Time
	create func(path string) (file, error) // replaced by tests to have the disk refuse

	settling sync.RWMutex // guards lock; taken before mu, and to read while a file appears
	lock     *os.File     // held while the directory is ours; nil before and after
	left     atomic.Bool  // the directory is another process's for good

	mu      sync.Mutex // guards all up to the counters
	objects map[[sha256.Size]byte]map[int64]*slot
	queue   queues[*slot]
	held    int64     // bytes of the slices indexed and of those being written
	down    error     // why the disk can't be written to; nil if it can
	retryAt time.Time // when it is tried again

	hits, evicted, damaged, refused atomic.Uint64
}

// slot is an indexed slice.
type slot struct {
	ticket
	key key

	mu      sync.Mutex // held while verifying, so that a crowd verifies once
	stamp   stamp      // of the file as it was verified; zero before that
	checked time.Time
}

func (s *slot) place() *ticket { return &s.ticket }

// open returns the slice's file, for the caller alone, at offset 0; nil if the
// slice isn't there or isn't what was written. Then the next to come fetches it.
func (d *disk) open(k key) *os.File {
	s := d.lookup(k)
	if s == nil {
		return nil
	}
	f, err := os.Open(k.path(d.dir))
	if err == nil {
		if err = d.check(f, s); err == nil {
			s.used()
			return f
		}
		_ = f.Close()
	}
	switch {
	case errors.Is(err, errDamaged):
		d.damaged.Add(1)
		d.drop(s)
	case errors.Is(err, os.ErrNotExist):
		d.drop(s)
	}
	return nil // or the disk has a fault that says nothing about the slice
}

// check makes sure of length and footer each time, and of the bytes as often as
// the file looks changed, and now and then in case the medium changed them.
func (d *disk) check(f *os.File, s *slot) error {
	seen, err := stampOf(f)
	if err != nil {
		return err
	}
	claimed, err := readFooter(f, s.key, int64(seen.size)) //nolint:gosec // a file has no negative length
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := d.now()
	if seen == s.stamp && now.Sub(s.checked) < d.verify {
		return nil
	}
	settled := seen.settled() // before reading: what changes from here on shows
	if err := verify(f, s.key, claimed); err != nil {
		return err
	}
	if settled {
		s.stamp, s.checked = seen, now
	}
	return nil
}

func (d *disk) lookup(k key) *slot {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.objects[k.object][k.from]; s != nil && s.key == k {
		return s
	}
	return nil
}

// reserve makes room for a slice to be written.
func (d *disk) reserve(size int64) bool {
	d.mu.Lock()
	gone := d.shrinkLocked(d.limit - size)
	ok := d.held+size <= d.limit
	if ok {
		d.held += size
	}
	d.mu.Unlock()
	d.unlink(gone)
	return ok
}

// shrinkLocked evicts until no more than target bytes are held, as far as
// possible. The files of the slices it returns have to be unlinked.
func (d *disk) shrinkLocked(target int64) (gone []*slot) {
	for d.held > target {
		s, ok := d.queue.victim(func(*slot) bool { return true }) // open files outlive their names
		if !ok {
			break
		}
		d.forgetLocked(s)
		gone = append(gone, s)
	}
	d.evicted.Add(uint64(len(gone)))
	return gone
}

// release gives back what reserve took.
func (d *disk) release(size int64) {
	d.mu.Lock()
	d.held -= size
	d.mu.Unlock()
}

// insert indexes a slice whose file is in place. Its room is reserved.
func (d *disk) insert(k key) {
	s := &slot{key: k, ticket: ticket{fingerprint: k.fingerprint(), bytes: k.size + footerSize}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.objects[k.object][k.from]; old != nil {
		d.queue.remove(old)
		d.forgetLocked(old)
	}
	if d.objects[k.object] == nil {
		d.objects[k.object] = make(map[int64]*slot)
	}
	d.objects[k.object][k.from] = s
	d.queue.add(s)
}

// drop forgets a slice and removes its file, unless somebody else has.
func (d *disk) drop(s *slot) {
	d.mu.Lock()
	current := d.objects[s.key.object][s.key.from] == s
	if current {
		d.queue.remove(s)
		d.forgetLocked(s)
	}
	d.mu.Unlock()
	if current {
		d.unlink([]*slot{s})
	}
}

// purge removes an object's slices. What the disk refuses to remove stays
// indexed, so that a later purge finds it.
func (d *disk) purge(object [sha256.Size]byte) error {
	d.mu.Lock()
	slots := slices.Collect(maps.Values(d.objects[object]))
	d.mu.Unlock()
	return d.remove(slots)
}

// purgeAll removes all slices.
func (d *disk) purgeAll() error {
	d.mu.Lock()
	var slots []*slot
	for _, object := range d.objects {
		slots = slices.AppendSeq(slots, maps.Values(object))
	}
	d.mu.Unlock()
	return d.remove(slots)
}

// remove takes slices off the disk and then out of the index. It needs the
// directory to be ours: until then nobody knows what is in there.
func (d *disk) remove(slots []*slot) error {
	if d.left.Load() {
		return nil // by whom it is now
	}
	problems := []error{d.settle()}
	for _, s := range slots {
		err := os.Remove(s.key.path(d.dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, err)
			continue
		}
		d.mu.Lock()
		if d.objects[s.key.object][s.key.from] == s {
			d.queue.remove(s)
			d.forgetLocked(s)
		}
		d.mu.Unlock()
	}
	return errors.Join(problems...)
}

// forgetLocked takes a slice that has left the queue out of the index.
func (d *disk) forgetLocked(s *slot) {
	object := d.objects[s.key.object]
	delete(object, s.key.from)
	if len(object) == 0 {
		delete(d.objects, s.key.object)
	}
	d.held -= s.bytes
}

// unlink removes files outside the lock: it may take a while. Should a slice
// have been fetched anew by then, that file goes instead: a miss, later on.
func (d *disk) unlink(gone []*slot) {
	if d.left.Load() {
		return
	}
	for _, s := range gone {
		_ = os.Remove(s.key.path(d.dir)) // if the disk refuses, a start will find it again
	}
}
