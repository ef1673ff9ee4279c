package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestStopIsAnnounced: from the signal on /readyz says so, until the end; connections
// are accepted for shutdown_delay; what is under way then is finished.
func TestStopIsAnnounced(t *testing.T) {
	t.Parallel()
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "SHUTDOWN_DELAY=5s", "SHUTDOWN_GRACE=20s")
			c, content := s.Client(), bytes.Repeat([]byte("0123456789abcdef"), 9<<16)
			_, path := c.Share(t, c.CleanFile(t, c.Space(t), "a", "application/octet-stream", content), nil)
			edge, files, ops := s.Edges[0], s.Files[0], s.Ops[len(s.Ops)-len(s.Edges)]
			request, err := http.NewRequest("GET", files+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			slow, err := narrow.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Body.Close()

			edge.Signal(syscall.SIGTERM)
			begin := time.Now()
			stopping := func() error {
				response, body, err := testsystem.Fetch(t, "GET", ops+"/readyz")
				if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"stopping"`) {
					return fmt.Errorf("/readyz: %v, %s, %w; want 503 stopping", response, body, err)
				}
				return nil
			}
			testsystem.Until(t, 4*time.Second, "word of the stop", stopping)
			if _, _, err := new(wire).get(strings.TrimPrefix(files, "http://"), path, "late"); err != nil && time.Since(begin) < 4*time.Second {
				t.Errorf("during shutdown_delay: %v; want an answer", err)
			}
			testsystem.Until(t, 20*time.Second, "the end of accepting", func() error {
				conn, err := net.Dial("tcp", strings.TrimPrefix(files, "http://"))
				if err == nil {
					conn.Close()
					return errors.New("still accepts")
				}
				return nil
			})
			if err := stopping(); err != nil {
				t.Errorf("while a body is finished: %v", err)
			}
			if got, err := io.ReadAll(slow.Body); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the body under way: %d bytes, %v; want %d", len(got), err, len(content))
			}
			if err := edge.Wait(20 * time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}
