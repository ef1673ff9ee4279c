package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, ratio float64) *Tracer {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	tracer, err := Open(t.Context(), Config{Endpoint: receiver.URL, Ratio: ratio, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tracer.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tracer
}

// Whoever isn't trusted has no say in whether a request is traced.
func TestWants(t *testing.T) {
	const on, off = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	for _, c := range []struct {
		parent  string
		trusted bool
		ratio   float64
		want    bool
	}{
		{on, true, 0, true}, {off, true, 1, false},
		{on, false, 0, false}, {off, false, 1, true},
		{"", true, 0, false}, {"", true, 1, true}, {"", false, 1, true},
		{"01", true, 0, false}, {"nonsense", true, 1, true},
	} {
		if got := open(t, c.ratio).Wants([]byte(c.parent), c.trusted); got != c.want {
			t.Errorf("Wants(%q, trusted %v) at a ratio of %v = %v; want %v", c.parent, c.trusted, c.ratio, got, c.want)
		}
	}
	if (*Tracer)(nil).Wants([]byte(on), true) {
		t.Error("tracing that is off wants a request")
	}
}

func TestEndpoints(t *testing.T) {
	for endpoint, good := range map[string]bool{
		"http://127.0.0.1:4318": true, "https://collector.example.com/otlp/v1/traces": true,
		"127.0.0.1:4318": false, "ftp://127.0.0.1": false, "http://user:password@127.0.0.1": false,
	} {
		tracer, err := Open(t.Context(), Config{Endpoint: endpoint, Header: "X-Key: a", Log: slog.New(slog.DiscardHandler)})
		if (err == nil) != good {
			t.Errorf("Open(%q): %v", endpoint, err)
		}
		_ = tracer.Close(t.Context())
	}
	if _, err := Open(t.Context(), Config{Endpoint: "http://127.0.0.1:4318", Header: "no colon"}); err == nil {
		t.Error("a header without a value was taken")
	}
}

// A request under a span tells its peer, if that goes on with the trace, and only
// then; without a span it is sent as it is.
func TestTransport(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Traceparent") }))
	defer server.Close()
	tracer := open(t, 1)
	traced, span := tracer.Begin(t.Context(), "test", "")
	defer span.End()
	for _, c := range []struct {
		ctx  context.Context
		pass bool
		want bool
	}{{traced, true, true}, {traced, false, false}, {t.Context(), true, false}} {
		base := &http.Transport{}
		client := &http.Client{Transport: &Transport{Base: base, Peer: "test", Pass: c.pass}}
		request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		client.CloseIdleConnections()
		if (got != "") != c.want || request.Header.Get("Traceparent") != "" {
			t.Errorf("pass %v: the peer got %q, and the caller's request has %q", c.pass, got, request.Header.Get("Traceparent"))
		}
	}
}
