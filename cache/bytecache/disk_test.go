package bytecache

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var large = Object{ID: "large", Size: 20_000} // five slices of 4096 at most

func sliceFiles(tb testing.TB, dir string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "??", "*"+sliceSuffix))
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func TestRestartKeepsSlices(t *testing.T) {
	s := &store{}
	cfg := testConfig(s)
	cfg.Dir = t.TempDir()
	c := mustNew(t, cfg)
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	before := c.Stats()
	c.Close()
	opens, _, _ := s.seen()

	c = mustNew(t, cfg)
	if st := c.Stats(); st.DiskSlices != 5 || st.DiskBytes != before.DiskBytes {
		t.Errorf("after restart %+v; before %+v", st, before)
	}
	if source := mustFetch(t, c, large, 0, large.Size); source != Disk {
		t.Errorf("from %s", source)
	}
	if again, _, _ := s.seen(); again != opens {
		t.Errorf("%d store reads after the restart", again-opens)
	}
	c.Close()

	cfg.DiskBytes = 3 * (4096 + footerSize)
	c = mustNew(t, cfg)
	if st := c.Stats(); st.DiskBytes > cfg.DiskBytes || len(sliceFiles(t, cfg.Dir)) > 3 {
		t.Errorf("with less room: %+v", st)
	}
	mustFetch(t, c, large, 0, large.Size)
	c.Close()

	cfg.SliceSize, cfg.DiskBytes = 8192, 1<<20 // old slices have other borders
	mustFetch(t, mustNew(t, cfg), large, 0, large.Size)
}

func TestDirectoryIsForOne(t *testing.T) {
	cfg := testConfig(&store{})
	cfg.Dir = t.TempDir()
	foreign := filepath.Join(cfg.Dir, "ab", "letter.txt")
	if err := errors.Join(os.Mkdir(filepath.Dir(foreign), 0o700), os.WriteFile(foreign, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	mustNew(t, cfg)
	if _, err := New(cfg); !errors.Is(err, errLocked) {
		t.Errorf("second cache: %v; want errLocked", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file that isn't ours was removed")
	}
}

// TestDirectoryIsHandedOver has a cache take over another's directory. Until that
// one leaves it, the new one keeps and removes nothing there. Afterwards it has all
// slices, and the old one reads on but no longer writes or removes.
func TestDirectoryIsHandedOver(t *testing.T) {
	s := &store{}
	cfg := testConfig(s)
	cfg.Dir = t.TempDir()
	other := Object{ID: "other", Key: "other", Size: 9000}
	old := mustNew(t, cfg)
	mustFetch(t, old, large, 0, large.Size)
	idle(t, old)
	kept := len(sliceFiles(t, cfg.Dir))

	cfg.Await = true
	c := mustNew(t, cfg)
	if err := c.Settle(); !errors.Is(err, errLocked) {
		t.Errorf("settled while the old cache has the directory: %v", err)
	}
	mustFetch(t, c, other, 0, other.Size)
	idle(t, c)
	if err := c.Purge(large.ID); err == nil {
		t.Error("a purge that could not look at the disk did not say so")
	}
	if n := len(sliceFiles(t, cfg.Dir)); n != kept {
		t.Errorf("%d slices; want %d: the directory is the old cache's", n, kept)
	}

	old.LeaveDisk()
	if err := c.Settle(); err != nil {
		t.Fatalf("not settled: %v", err)
	}
	opens, _, _ := s.seen()
	if source := mustFetch(t, c, large, 0, large.Size); source != Disk {
		t.Errorf("the new cache reads from %s; want the disk", source)
	}
	if source := mustFetch(t, old, large, 0, large.Size); source != Disk {
		t.Errorf("the old cache reads from %s; want the disk", source)
	}
	if again, _, _ := s.seen(); again != opens {
		t.Errorf("%d store reads; want none", again-opens)
	}
	if err := old.Purge(large.ID); err != nil {
		t.Error(err)
	}
	mustFetch(t, old, other, 0, other.Size)
	idle(t, old)
	if n := len(sliceFiles(t, cfg.Dir)); n != kept {
		t.Errorf("%d slices; want %d: the old cache has left", n, kept)
	}
	mustFetch(t, c, other, 0, other.Size)
	idle(t, c)
	if n := len(sliceFiles(t, cfg.Dir)); n <= kept {
		t.Errorf("%d slices; the new cache keeps none", n)
	}
	if err := c.Purge(large.ID); err != nil {
		t.Error(err)
	}
	mustFetch(t, old, large, 0, large.Size) // from the store
}

// damage is what may happen to a file behind the cache's back.
var damage = map[string]func(path string) error{
	"flipped byte": func(path string) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		var b [1]byte
		if _, err = f.ReadAt(b[:], 777); err == nil {
			b[0] ^= 4
			_, err = f.WriteAt(b[:], 777)
		}
		return err
	},
	"flipped checksum": func(path string) error {
		p, err := os.ReadFile(path)
		p[len(p)-32] ^= 1
		return errors.Join(err, os.WriteFile(path, p, 0o600))
	},
	"truncated": func(path string) error { return os.Truncate(path, 1000) },
	"empty":     func(path string) error { return os.Truncate(path, 0) },
	"longer": func(path string) error {
		p, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(path, append(p, 0), 0o600))
	},
	"torn: zeros for bytes": func(path string) error {
		p, err := os.ReadFile(path)
		clear(p[:1024])
		return errors.Join(err, os.WriteFile(path, p, 0o600))
	},
	"gone": os.Remove,
	"another slice": func(path string) error {
		others, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"+sliceSuffix))
		for _, other := range others {
			if other == path {
				continue
			}
			p, err := os.ReadFile(other)
			return errors.Join(err, os.WriteFile(path, p, 0o600))
		}
		return err
	},
}

func TestDamageIsNeverServed(t *testing.T) {
	for name, hurt := range damage {
		for _, when := range []string{"while running", "before a restart"} {
			t.Run(name+" "+when, func(t *testing.T) {
				s := &store{}
				cfg := testConfig(s)
				cfg.Dir = t.TempDir()
				c := mustNew(t, cfg)
				mustFetch(t, c, large, 0, large.Size)
				idle(t, c)
				mustFetch(t, c, large, 0, large.Size) // verified, then damaged
				path := hashKey(c, large, 4096).path(cfg.Dir)
				if err := hurt(path); err != nil {
					t.Fatal(err)
				}
				if when != "while running" {
					c.Close()
					c = mustNew(t, cfg)
				}
				mustFetch(t, c, large, 0, large.Size)
				idle(t, c)
				st := c.Stats()
				if want := uint64(1); name != "gone" && st.Damaged != want {
					t.Errorf("damaged = %d; want %d", st.Damaged, want)
				}
				if opens, _, _ := s.seen(); opens != 6 || st.DiskSlices != 5 {
					t.Errorf("%d store reads, %d slices; want the damaged one fetched again", opens, st.DiskSlices)
				}
			})
		}
	}
}

func hashKey(c *Cache, o Object, pos int64) key { return c.sliceAt(o, hashID(o.ID), pos) }

// Rot changes bytes without changing a date: age has to reveal it.
func TestOldSlicesAreVerifiedAnew(t *testing.T) {
	now := time.Unix(1000, 0)
	cfg := testConfig(&store{})
	cfg.Dir, cfg.VerifyEvery, cfg.Now = t.TempDir(), time.Minute, func() time.Time { return now }
	c := mustNew(t, cfg)
	o := Object{ID: "a", Size: 4096}
	mustFetch(t, c, o, 0, o.Size)
	idle(t, c)
	s := c.disk.lookup(hashKey(c, o, 0))
	eventually(t, "stamped", func() bool { mustFetch(t, c, o, 0, 1); return !s.checked.IsZero() })
	if err := damage["flipped byte"](s.key.path(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(s.key.path(cfg.Dir))
	if err != nil {
		t.Fatal(err)
	}
	if s.stamp, err = stampOf(f); err != nil { // as if no date had changed
		t.Fatal(err)
	}
	f.Close()
	now = now.Add(time.Minute)
	mustFetch(t, c, o, 0, o.Size)
	if st := c.Stats(); st.Damaged != 1 {
		t.Errorf("%+v", st)
	}
}

// refusing is a disk that takes some bytes and no more.
type refusing struct {
	file
	left int
	err  error
}

func (f *refusing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n, _ := f.file.Write(p[:f.left])
		f.left = 0
		return n, f.err
	}
	f.left -= len(p)
	return f.file.Write(p)
}

func TestRefusingDisk(t *testing.T) {
	tests := []struct {
		name string
		left int // -1: not even a file
		err  error
	}{
		{"read-only", -1, syscall.EROFS},
		{"no inode left", -1, syscall.ENOSPC},
		{"full at once", 0, syscall.ENOSPC},
		{"full within a slice", 1500, syscall.ENOSPC},
		{"full at the footer", 4096, syscall.ENOSPC},
		{"broken", 700, syscall.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1000, 0)
			cfg := testConfig(&store{step: 512})
			cfg.Dir, cfg.Now = t.TempDir(), func() time.Time { return now }
			cfg.ReadAhead = -1 // one slice at a time meets the disk
			c := mustNew(t, cfg)
			mustFetch(t, c, large, 0, 4096)
			idle(t, c)
			works := c.disk.create
			c.disk.create = func(path string) (file, error) {
				if tt.left < 0 {
					return nil, &os.PathError{Op: "create", Path: path, Err: tt.err}
				}
				f, err := works(path)
				return &refusing{f, tt.left, tt.err}, err
			}
			mustFetch(t, c, large, 0, 2*4096) // one new slice: its footer may be refused when its reader has gone on
			idle(t, c)
			mustFetch(t, c, large, 0, large.Size)
			idle(t, c)
			st := c.Stats()
			if !errors.Is(st.Degraded, tt.err) || st.DiskRefused != 1 {
				t.Errorf("degraded: %v, refused %d; want %v, once", st.Degraded, st.DiskRefused, tt.err)
			}
			if st.RAMBytes != 0 || st.DiskBytes != int64(st.DiskSlices)*(4096+footerSize) {
				t.Errorf("room not given back: %+v", st)
			}

			c.disk.create = works
			mustFetch(t, c, large, 0, large.Size)
			if st := c.Stats(); st.Degraded == nil {
				t.Error("the disk was tried before its pause was over")
			}
			idle(t, c)
			now = now.Add(6 * time.Second)
			for range 2 { // the first finds out that the disk is back
				mustFetch(t, c, large, 0, large.Size)
				idle(t, c)
			}
			if st := c.Stats(); st.Degraded != nil || st.DiskSlices != 5 {
				t.Errorf("after recovery: %+v", st)
			}
			if left, _ := filepath.Glob(filepath.Join(cfg.Dir, fillsDir, "*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestVanishedDirectory(t *testing.T) {
	now := time.Unix(1000, 0)
	cfg := testConfig(&store{})
	cfg.Dir, cfg.Now = filepath.Join(t.TempDir(), "cache"), func() time.Time { return now }
	c := mustNew(t, cfg)
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	if err := os.RemoveAll(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	if st := c.Stats(); !errors.Is(st.Degraded, os.ErrNotExist) || st.DiskSlices != 0 || st.DiskBytes != 0 {
		t.Errorf("without its directory: %+v", st)
	}
	if err := os.Mkdir(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now = now.Add(6 * time.Second)
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	if st := c.Stats(); st.Degraded != nil || st.DiskSlices != 5 {
		t.Errorf("with it again: %+v", st)
	}
}

// A directory that isn't there at the start is found when it comes.
func TestLateDirectory(t *testing.T) {
	now := time.Unix(1000, 0)
	blocker := filepath.Join(t.TempDir(), "blocker")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(&store{})
	cfg.Dir, cfg.Now = filepath.Join(blocker, "cache"), func() time.Time { return now }
	c := mustNew(t, cfg)
	mustFetch(t, c, large, 0, large.Size)
	if c.Stats().Degraded == nil {
		t.Error("not degraded")
	}
	if err := errors.Join(os.Remove(blocker), os.MkdirAll(cfg.Dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(6 * time.Second)
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	if st := c.Stats(); st.Degraded != nil || st.DiskSlices == 0 {
		t.Errorf("%+v", st)
	}
}

const crashDir = "BYTECACHE_CRASH_DIR"

// fillUntilKilled is a process that has one slice and is filling another.
func fillUntilKilled(dir string) {
	s := &store{step: 512, before: holdAt(6000, nil)}
	cfg := testConfig(s)
	cfg.Dir = dir
	c, err := New(cfg)
	if err != nil {
		panic(err)
	}
	r, err := open(c, large, 0, 5900)
	if err != nil {
		panic(err)
	}
	if _, err := drain(r); err != nil {
		panic(err)
	}
	for c.Stats().DiskSlices < 1 { // the first slice gets its name after its last reader has left
		time.Sleep(time.Millisecond)
	}
	fmt.Println("ready")
	select {}
}

func TestKillWhileFilling(t *testing.T) {
	cfg := testConfig(&store{})
	cfg.Dir = t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+cfg.Dir)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var line [5]byte
	_, err = out.Read(line[:])
	_ = child.Process.Kill()
	_ = child.Wait()
	if err != nil || string(line[:]) != "ready" {
		t.Fatalf("child said %q, %v", line, err)
	}
	if left, _ := filepath.Glob(filepath.Join(cfg.Dir, fillsDir, "*")); len(left) != 1 {
		t.Fatalf("the killed process left %d files; want the one it was filling", len(left))
	}
	c := mustNew(t, cfg)
	if st := c.Stats(); st.DiskSlices != 1 {
		t.Errorf("%+v; want the complete slice alone", st)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, fillsDir)); !errors.Is(err, os.ErrNotExist) {
		t.Error("what was being filled is still there")
	}
	mustFetch(t, c, large, 0, large.Size)
}

func TestNameRoundTrip(t *testing.T) {
	k := key{hashID("x"), 0x1000, 0xfff}
	if got, ok := parseName(filepath.Base(k.path("d"))); !ok || got != k {
		t.Errorf("parseName = %v, %v", got, ok)
	}
	good := filepath.Base(k.path("d"))
	for _, name := range []string{"", sliceSuffix, "a-0-1" + sliceSuffix, good + "x", "0" + good[1:len(good)-6], good[:65] + "-1-1.slice", good[:64] + "-+1-1.slice", good[:64] + "-0-0.slice", good[:64] + "-0A-1.slice"} {
		if _, ok := parseName(name); ok {
			t.Errorf("parseName(%q) ok", name)
		}
	}
}
