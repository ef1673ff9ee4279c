package origin

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// Handler returns the public API. mount adds handlers of other owners by path
// prefix, such as the local object store's upload URLs; it may be nil.
func (o *Origin) Handler(mount map[string]http.Handler) http.Handler {
	router := chi.NewRouter()
	router.Use(o.frame(o.behindProxy), o.letIn)
	router.NotFound(notFoundRoute)
	router.MethodNotAllowed(wrongMethod)
	o.newAPI(router)
	if o.config.Console {
		o.serveConsole(router)
	}
	for path, handler := range mount {
		router.Mount(path, handler)
	}
	return router
}

// maxHeader is how large a request's header may be, in bytes. The listener
// itself gives up a little later, in words of its own.
const maxHeader = 32 << 10

// headerSize is what the names and values of a request's header, and its
// target, add up to.
func headerSize(r *http.Request) int {
	size := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	return size
}

type requestKey struct{}

// request is what the frame keeps of one request for its log line.
type request struct {
	id        string
	operation string // set once the route is known; never the path, it may name things
	key       string // the key's id
}

// requestID returns the id under which this request is logged.
func requestID(ctx context.Context) string {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.id
	}
	return ""
}

// frame gives each request its id, and its span if it is traced, survives a panic,
// and ends with one log line and one observation. trusts says whose word on the
// trace is taken.
func (o *Origin) frame(trusts func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return o.framed(trusts, next) }
}

func (o *Origin) framed(trusts func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		about := &request{id: rand.Text(), operation: "none"}
		w.Header().Set("X-Request-Id", about.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK, body: follow(r.Body)}
		start := time.Now()
		r, span := o.trace(r, trusts)
		o.Metrics.InFlight.Inc()
		defer o.Metrics.InFlight.Dec()
		defer func() {
			if cause := recover(); cause != nil {
				o.Metrics.Panics.Inc()
				o.Log.ErrorContext(r.Context(), "panic", "request_id", about.id, "operation", about.operation, "cause", cause, "stack", string(debug.Stack()))
				if !seen.wrote {
					writeProblem(seen, reject(http.StatusInternalServerError, "internal error"))
				}
			}
			seen.begin()
			o.observe(r, about, seen.status, time.Since(start))
			endSpan(span, about, seen.status)
		}()
		if headerSize(r) > maxHeader {
			writeProblem(seen, reject(http.StatusRequestHeaderFieldsTooLarge, "the request's header is larger than "+strconv.Itoa(maxHeader)+" bytes"))
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, about))
		if !seen.body.ended {
			r.Body = seen.body // of this copy: net/http looks at its own
		}
		next.ServeHTTP(seen, r)
	})
}

func (o *Origin) observe(r *http.Request, about *request, status int, took time.Duration) {
	o.Metrics.Requests.WithLabelValues(about.operation, strconv.Itoa(status)).Observe(took.Seconds())
	o.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("request_id", about.id), slog.String("method", r.Method),
		slog.String("operation", about.operation), slog.Int("status", status), slog.String("key_id", about.key), slog.Duration("took", took))
}

// note tells the frame what the request turned out to be.
func note(ctx huma.Context, keyID string) {
	if r, ok := ctx.Context().Value(requestKey{}).(*request); ok {
		r.operation, r.key = ctx.Operation().OperationID, keyID
	}
}

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
	body   *followed // of the request
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.begin()
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.begin()
	w.wrote = true
	return w.ResponseWriter.Write(p)
}

// begin gives what is left of the request's body a last while to come: net/http reads it
// before it answers, and would wait for it for as long as the connection is there.
func (w *statusWriter) begin() {
	if !w.wrote && !w.body.ended {
		_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Now().Add(bodyTimeout)) // not every connection has one
	}
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
