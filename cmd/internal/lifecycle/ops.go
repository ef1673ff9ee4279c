package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rawlink/metrics"
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
// while all checks pass and it isn't stopping. What the checks find is among the
// metrics, too.
func NewOps(registry *metrics.Registry, checks ...Check) *Ops {
	o := &Ops{mux: http.NewServeMux(), checks: checks}
	metrics.NewParts(registry, func() map[string]bool { return o.look(context.Background()) })
	o.mux.Handle("GET /metrics", registry.Handler())
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
	state := readiness{Status: "ready", Checks: map[string]string{}}
	status := http.StatusOK
	for name, up := range o.look(r.Context()) {
		state.Checks[name] = "ok"
		if !up {
			state.Checks[name] = "down"
			state.Status, status = "not ready", http.StatusServiceUnavailable
		}
	}
	if o.stopping.Load() {
		state.Status, status = "stopping", http.StatusServiceUnavailable
	}
	answer(w, status, state)
}

// await returns when all checks pass, or says which of them did not within limit.
func (o *Ops) await(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		var down []string
		for name, up := range o.look(ctx) {
			if !up {
				down = append(down, name)
			}
		}
		if len(down) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			slices.Sort(down)
			return fmt.Errorf("not ready within %v: %s", limit, strings.Join(down, ", "))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// look makes all checks at once and reports which passed.
func (o *Ops) look(ctx context.Context) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	up := make([]bool, len(o.checks))
	var looking sync.WaitGroup
	for i, check := range o.checks {
		looking.Go(func() { up[i] = check.Do(ctx) == nil })
	}
	looking.Wait()
	found := make(map[string]bool, len(up))
	for i, check := range o.checks {
		found[check.Name] = up[i]
	}
	return found
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked may have left
}
