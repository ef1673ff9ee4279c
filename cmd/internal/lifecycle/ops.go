package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"
	"time"
)

// Check is one thing a process needs to be ready.
type Check struct {
	Name string
	Do   func(context.Context) error
}

// Ops is the ops listener's handler: /metrics, /healthz, /readyz, /debug/pprof.
type Ops struct {
	mux      *http.ServeMux
	checks   []Check
	stopping atomic.Bool
}

// checkTimeout bounds one look at all checks.
const checkTimeout = 2 * time.Second

// NewOps returns the handler. A process is healthy while it answers, and ready
// while all checks pass and it isn't stopping.
func NewOps(metrics http.Handler, checks ...Check) *Ops {
	o := &Ops{mux: http.NewServeMux(), checks: checks}
	o.mux.Handle("GET /metrics", metrics)
	o.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	o.mux.HandleFunc("GET /readyz", o.ready)
	o.mux.HandleFunc("/debug/pprof/", pprof.Index)
	o.mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	o.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	o.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	o.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return o
}

// Stopping makes /readyz answer 503, so that a load balancer looks elsewhere.
func (o *Ops) Stopping() { o.stopping.Store(true) }

// ServeHTTP implements http.Handler.
func (o *Ops) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

// readiness is the answer of /readyz.
type readiness struct {
	Status string            `json:"status"` // ready, not ready, stopping
	Checks map[string]string `json:"checks"` // ok, or down
}

func (o *Ops) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	state := readiness{Status: "ready", Checks: map[string]string{}}
	status := http.StatusOK
	for _, check := range o.checks {
		state.Checks[check.Name] = "ok"
	}
	for _, name := range o.down(ctx) {
		state.Checks[name] = "down"
		state.Status, status = "not ready", http.StatusServiceUnavailable
	}
	if o.stopping.Load() {
		state.Status, status = "stopping", http.StatusServiceUnavailable
	}
	answer(w, status, state)
}

// down names the checks that fail.
func (o *Ops) down(ctx context.Context) (names []string) {
	for _, check := range o.checks {
		if err := check.Do(ctx); err != nil {
			names = append(names, check.Name)
		}
	}
	return names
}

// await returns when all checks pass, or says which of them did not within limit.
func (o *Ops) await(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		one, done := context.WithTimeout(ctx, checkTimeout)
		down := o.down(one)
		done()
		if len(down) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %v: %s", limit, strings.Join(down, ", "))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked may have left
}
