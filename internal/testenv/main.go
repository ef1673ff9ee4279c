package testenv

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// errNoMain says what a package lacks that asks for a shared server.
var errNoMain = errors.New("who closes the shared servers? " +
	"add to this package: func TestMain(m *testing.M) { testenv.Main(m) }")

// common is what the tests of this process share; nil outside Main. A package
// variable, because testing hands nothing from TestMain to a test.
var common *house

// house holds the shared servers, each started by the first who asks. A start
// that failed is not tried again: each test that asks fails with its reason.
type house struct {
	postgres func() (*cluster, error)
	s3       func() (*gateway, error)
	weed     func() (*gateway, error)

	mu      sync.Mutex
	closers []func()
}

// endWithin is how long the last goroutines may take to end.
const endWithin = 10 * time.Second

// Main runs the tests as Run does and exits.
func Main(m *testing.M, ignore ...goleak.Option) { os.Exit(Run(m, ignore...)) }

// Run runs the tests, ends the servers that they shared, and fails if goroutines
// are left then, but for those that ignore names. It returns what to exit with.
func Run(m *testing.M, ignore ...goleak.Option) int {
	h := &house{}
	h.postgres = sync.OnceValues(func() (*cluster, error) { return startCluster(h) })
	h.s3 = sync.OnceValues(func() (*gateway, error) { return startGateway(h) })
	h.weed = sync.OnceValues(func() (*gateway, error) { return startSeaweedFS(h) })
	common = h
	code := m.Run()
	h.close()
	http.DefaultClient.CloseIdleConnections()
	err := goleak.Find(ignore...)
	for end := time.Now().Add(endWithin); err != nil && time.Now().Before(end); {
		err = goleak.Find(ignore...) // which waits for less than half a second
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines left after the tests:", err)
		code = 1
	}
	return code
}

// atEnd has end called after the tests, the latest first.
func (h *house) atEnd(end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closers = append(h.closers, end)
}

func (h *house) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, end := range slices.Backward(h.closers) {
		end()
	}
}

// IgnoreServers has goleak look past the goroutine that waits for each running
// server: it ends with the server, after the test.
func IgnoreServers() goleak.Option {
	return goleak.IgnoreAnyFunction("rawlink/internal/testenv.(*process).live")
}
