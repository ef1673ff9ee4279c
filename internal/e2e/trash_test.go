package e2e

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// testEmptyTrash empties one space's trash: its files go with links, bytes and
// room; what is live, and what another space's trash holds, stays.
func testEmptyTrash(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	space, elsewhere := c.Space(t), c.Space(t)
	size := int64(len(text(t)))
	gone, live, other := c.CleanFile(t, space, "a", "text/plain", text(t)), c.CleanFile(t, space, "b", "text/plain", text(t)), c.CleanFile(t, elsewhere, "c", "text/plain", text(t))
	_, path := c.Share(t, gone, nil)
	_, livePath := c.Share(t, live, nil)
	bytesURL := c.Must(t, 200, "GET", "/files/"+gone+"/download", nil).Text("url")
	everywhere(t, s, path, 200)
	c.Must(t, 200, "DELETE", "/files/"+gone, nil)
	c.Must(t, 200, "DELETE", "/files/"+other, nil)
	used(t, c, 3*size, 2)

	if a := c.Must(t, 202, "DELETE", "/gdpr/trash?space_id="+space, nil); a.Number("file_count") != 1 || a.Number("total_bytes") != size {
		t.Errorf("emptying = %s; want one file of %d bytes", a.Raw, size)
	}
	awaitGone(t, c, gone)
	everywhere(t, s, path, 404)
	used(t, c, 2*size, 1)
	testsystem.Until(t, 10*time.Second, "the bytes' end", func() error {
		if response, _, err := testsystem.Fetch(t, "GET", bytesURL); err != nil || response.StatusCode != 404 {
			return fmt.Errorf("%v, %w", response, err)
		}
		return nil
	})
	everywhere(t, s, livePath, 200)
	c.Must(t, 200, "POST", "/files/"+other+"/restore", nil)
	if a := c.Must(t, 202, "DELETE", "/gdpr/trash", nil); a.Number("file_count") != 0 {
		t.Errorf("emptying an empty trash = %s", a.Raw)
	}
}

func awaitGone(t *testing.T, c *testsystem.Client, file string) {
	t.Helper()
	testsystem.Until(t, 20*time.Second, "the purge", func() error {
		if a := c.Do(t, "GET", "/files/"+file, nil); a.Status != 404 {
			return fmt.Errorf("the file: %d", a.Status)
		}
		return nil
	})
}

// TestTrashGrace waits for the end of a short grace: what was deleted is purged
// by itself, with the folder that held it.
func TestTrashGrace(t *testing.T) {
	waiting(t, func(t *testing.T, setup setup) {
		s := setup(t, "TRASH_GRACE=1s")
		c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
		space := c.Space(t)
		folder := c.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "f", "space_id": space}).Text("id")
		file := c.CleanFile(t, space, "a", "text/plain", text(t))
		c.Must(t, 200, "PATCH", "/files/"+file, testsystem.Object{"folder_id": folder})
		_, path := c.Share(t, file, nil)
		c.Must(t, 200, "DELETE", "/folders/"+folder, nil)
		awaitGone(t, c, file)
		everywhere(t, s, path, 404)
		testsystem.Until(t, 20*time.Second, "the folder's purge", func() error {
			if a := c.Do(t, "GET", "/folders/"+folder, nil); a.Status != 404 {
				return fmt.Errorf("the folder: %d", a.Status)
			}
			return nil
		})
		used(t, c, 0, 0)
	})
}

// TestPurgeReachesEveryDisk purges two files of which every edge holds slices: one
// while all edges run, one while the last of them is killed.
func TestPurgeReachesEveryDisk(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "EDGE_CACHE_SMALL=4KiB")
			c := s.Client()
			space, content := c.Space(t), bytes.Repeat([]byte("purge me"), 1000)
			files := []string{c.CleanFile(t, space, "a", "text/plain", content), c.CleanFile(t, space, "b", "text/plain", content)}
			for _, file := range files {
				_, path := c.Share(t, file, nil)
				everywhere(t, s, path, 200)
			}
			awaitSlices(t, s.Caches, 2)
			c.Must(t, 204, "DELETE", "/gdpr/files/"+files[0], nil)
			awaitSlices(t, s.Caches, 1)

			last := s.Edges[len(s.Edges)-1]
			last.Kill()
			if last == s.Origin {
				last.Start() // nobody else would purge anything
			}
			c.Must(t, 204, "DELETE", "/gdpr/files/"+files[1], nil)
			awaitSlices(t, s.Caches[:len(s.Caches)-1], 0)
			if last != s.Origin {
				last.Start()
			}
			awaitSlices(t, s.Caches, 0)
		})
	}
}

// awaitSlices waits until each directory holds that many slices.
func awaitSlices(t *testing.T, dirs []string, want int) {
	t.Helper()
	testsystem.Until(t, 20*time.Second, "slices", func() error {
		for _, dir := range dirs {
			if have := must(filepath.Glob(filepath.Join(dir, "??", "*"))); len(have) != want {
				return fmt.Errorf("%d slices in %s; want %d", len(have), dir, want)
			}
		}
		return nil
	})
}
