package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"rawlink/internal/testsystem"
)

// receiver is an OTLP/HTTP receiver.
type receiver struct {
	mu    sync.Mutex
	spans map[string]*receivedSpan // by span id
	text  strings.Builder          // everything that came
	keys  map[string]bool          // who sent
}

type receivedSpan struct {
	*tracepb.Span
	service string
}

func newReceiver(t *testing.T) (*receiver, string) {
	r := &receiver{spans: map[string]*receivedSpan{}, keys: map[string]bool{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.URL
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	raw, err := io.ReadAll(request.Body)
	var export collector.ExportTraceServiceRequest
	if err = errors.Join(err, proto.Unmarshal(raw, &export)); err != nil || request.URL.Path != "/v1/traces" {
		http.Error(w, "not an export of traces", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[request.Header.Get("X-Who")] = true
	r.text.WriteString(prototext.Format(&export))
	for _, resource := range export.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				r.spans[string(span.GetSpanId())] = &receivedSpan{span, service}
			}
		}
	}
}

// above are a span's names from its own up to the trace's beginning.
func (r *receiver) above(span *receivedSpan) (names []string) {
	for ; span != nil; span = r.spans[string(span.GetParentSpanId())] {
		names = append(names, span.service+" "+span.GetName())
	}
	return names
}

// holds reports whether a span of the trace has these names above it, the nearest
// first, its own among them.
func (r *receiver) holds(traceID string, chain ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var seen []string
	for _, span := range r.spans {
		if fmt.Sprintf("%x", span.GetTraceId()) != traceID {
			continue
		}
		names := strings.Join(r.above(span), " < ")
		if names == strings.Join(chain, " < ") {
			return nil
		}
		seen = append(seen, names)
	}
	return fmt.Errorf("no span %s among\n%s", strings.Join(chain, " < "), strings.Join(seen, "\n"))
}

// A trusted proxy's sampled request is one trace from the edge to the origin, its
// database and the store. Nobody else can begin one, and no secret is in any.
func TestTraces(t *testing.T) {
	t.Parallel()
	r, endpoint := newReceiver(t)
	s := testsystem.Production(t, "OTLP_ENDPOINT="+endpoint, "OTLP_HEADER=X-Who: a test", "TRACE_RATIO=0", "EDGE_TRUSTED_PROXIES=127.0.0.1")
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "traced.txt", "text/plain", make([]byte, 100_000))
	_, path := c.Share(t, file, testsystem.Object{"max_downloads": 5})

	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	get := func(base, flags string) {
		t.Helper()
		response, body, err := testsystem.Fetch(t, "GET", base+path, "Traceparent", "00-"+id+"-00f067aa0ba902b7-"+flags)
		if err != nil || response.StatusCode != 200 || len(body) != 100_000 {
			t.Fatalf("GET: %v, %v, %d bytes", response, err, len(body))
		}
	}
	get(s.Files[1], "01")
	get(s.Files[0], "00") // decided against

	const edge, origin = "rawlink-edge ", "rawlink-origin "
	for _, chain := range [][]string{
		{origin + "sql SELECT", origin + "internal-redeem", edge + "origin POST", edge + "redeem", edge + "/s/{token}"},
		{origin + "sql SELECT", origin + "internal-record", edge + "origin GET", edge + "lookup", edge + "/s/{token}"},
		{edge + "store GET", edge + "read", edge + "/s/{token}"},
		{edge + "redis record", edge + "lookup", edge + "/s/{token}"},
	} {
		testsystem.Until(t, 20*time.Second, "trace", func() error { return r.holds(id, chain...) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, span := range r.spans {
		if fmt.Sprintf("%x", span.GetTraceId()) != id {
			t.Errorf("a trace that nobody asked for: %s %s", span.service, span.GetName())
		}
		if span.GetName() == "/s/{token}" && fmt.Sprintf("%x", span.GetParentSpanId()) != "00f067aa0ba902b7" {
			t.Errorf("the edge's span has the parent %x", span.GetParentSpanId())
		}
	}
	if !r.keys["a test"] || len(r.keys) != 1 {
		t.Errorf("sent with the headers %v", r.keys)
	}
	token := strings.TrimPrefix(path, "/s/")
	for what, secret := range map[string]string{"token": token, "API key": s.Key, "signature": "X-Amz-Signature", "internal key": "a-secret-of-the-internal-api"} {
		if strings.Contains(r.text.String(), secret) {
			t.Errorf("a %s is in the traces", what)
		}
	}
}
