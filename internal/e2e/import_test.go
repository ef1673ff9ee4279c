package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// outside are settings under which 127.0.0.2 stands for the public internet.
const outside = "IMPORT_ALLOW_NETWORKS=127.0.0.2"

func testImport(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: 11_000_000, Links: -1}))
	space := c.Space(t)
	content := bytes.Repeat([]byte("piece by piece "), 700_000) // 10.5 MB
	var asked atomic.Int64
	inside := testenv.ServeOn(t, "127.0.0.1:0", func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	source := testenv.ServeOn(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/known.bin":
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content)
		case "/chunked.bin":
			for piece := range slices.Chunk(content, 1_000_000) {
				_, _ = w.Write(piece)
				_ = http.NewResponseController(w).Flush()
			}
		case "/virus":
			_, _ = w.Write(testenv.EICAR())
		case "/inside":
			http.Redirect(w, r, inside, http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	})
	for _, name := range []string{"known.bin", "chunked.bin"} {
		file := c.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": source + "/" + name, "space_id": space}).Text("id")
		c.AwaitClean(t, file)
		if got := c.Must(t, 200, "GET", "/files/"+file, nil); got.Text("sha256") != testsystem.SHA256(content) || got.Text("original_name") != name {
			t.Errorf("%s: %s", name, got.Raw)
		}
		_, path := c.Share(t, file, nil)
		if response, body, err := testsystem.Fetch(t, "GET", s.Files[0]+path); err != nil || response.StatusCode != 200 || !bytes.Equal(body, content) {
			t.Errorf("%s is served with %v, %v", name, response, err)
		}
		c.Must(t, 402, "POST", "/uploads/import-url", testsystem.Object{"url": source + "/" + name, "space_id": space}) // no room for two
		c.Must(t, 204, "DELETE", "/gdpr/files/"+file, nil)
	}
	virus := c.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": source + "/virus", "space_id": space}).Text("id")
	testsystem.Until(t, 20*time.Second, "infected", func() error {
		if got := c.Must(t, 200, "GET", "/files/"+virus, nil).Text("scan_status"); got != "infected" {
			return fmt.Errorf("scan_status %s", got)
		}
		return nil
	})
	for url, status := range map[string]int{source + "/inside": 422, inside: 422, s.Ops[0] + "/metrics": 422, "http://169.254.169.254/": 422, source + "/none": 400} {
		c.Must(t, status, "POST", "/uploads/import-url", testsystem.Object{"url": url, "space_id": space})
	}
	if asked.Load() != 0 {
		t.Errorf("the inside was asked %d times", asked.Load())
	}
	if used := c.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); used != int64(len(testenv.EICAR())) {
		t.Errorf("%d bytes used at the end; want the virus's alone", used)
	}
}
