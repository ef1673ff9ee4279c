package edge

import (
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// do sends one request; headers come in pairs of name and value.
func (w *world) do(method, path string, headers ...string) answer {
	w.tb.Helper()
	req, err := http.NewRequest(method, w.url+path, nil)
	must(w.tb, err)
	req.Header.Set("User-Agent", testAgent)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	res, err := client.Do(req)
	must(w.tb, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, body, err, res.ContentLength}
}

func (w *world) get(path string, headers ...string) answer {
	w.tb.Helper()
	return w.do("GET", path, headers...)
}

// raw sends bytes and returns all that comes back until the server closes.
func (w *world) raw(request string) string {
	w.tb.Helper()
	conn, err := net.Dial("tcp", w.addr)
	must(w.tb, err)
	defer conn.Close()
	must(w.tb, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	must(w.tb, err)
	all, err := io.ReadAll(conn)
	if !errors.Is(err, syscall.ECONNRESET) { // closed before it had read all we sent
		must(w.tb, err)
	}
	return string(all)
}

func (w *world) metric(name string, labels ...string) float64 {
	w.tb.Helper()
	families, err := w.metrics.Gather()
	must(w.tb, err)
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			if labelled(have, labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func labelled(have map[string]string, want []string) bool {
	for i := 0; i < len(want); i += 2 {
		if have[want[i]] != want[i+1] {
			return false
		}
	}
	return true
}
