package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"rawlink/bench/drive"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
	"rawlink/bench/wire"
)

// api is the control plane's load. Links that it makes end with their files.
type api struct {
	*field
	mu   sync.Mutex
	took map[string]*hdrhistogram.Histogram // by operation, µs
}

func newAPI(o Options) Workload {
	return &api{field: newField(o, 20, fixed(1<<10)), took: map[string]*hdrhistogram.Histogram{}}
}

// apiLinks is room for links that are made and not yet revoked.
const apiLinks = 1000

// Needs implements Workload.
func (w *api) Needs() seed.Needs {
	n := w.field.Needs()
	n.Links += apiLinks
	return n
}

// Warm implements Workload.
func (*api) Warm() bool { return false }

// Worker implements Workload.
func (w *api) Worker(i int) drive.Worker {
	env := *w.env
	env.Edges = []wire.Target{w.env.API}
	return &partner{api: w, client: newClient(&env, i, asker{})}
}

// partner is a worker that speaks to the API.
type partner struct {
	*client
	api  *api
	mine []string // ids of links that it made and has not revoked
	body []byte
}

// call is one operation.
type call struct {
	name, method, path string
	body               map[string]any
	made               func(id string)
}

// choose draws an operation.
func (p *partner) choose() call {
	file := p.api.links[p.random.IntN(len(p.api.links))].Object.FileID
	mine := len(p.mine)
	switch x := p.random.Float64(); {
	case x < .1:
		return call{name: "whoami", method: "GET", path: "/me"}
	case x < .2:
		return call{name: "list files", method: "GET", path: "/files?limit=50&space_id=" + p.env.Field.Space()}
	case x < .4:
		return call{name: "get file", method: "GET", path: "/files/" + file}
	case x < .5:
		return call{name: "quota", method: "GET", path: "/quota"}
	case x < .6:
		return call{name: "list links", method: "GET", path: "/shares?limit=50&file_id=" + file}
	case mine > 0 && x < .7:
		return call{name: "change link", method: "PATCH", path: "/shares/" + p.mine[p.random.IntN(mine)], body: map[string]any{"expires_in_days": 1 + p.random.IntN(365)}}
	case mine > 3 || mine > 0 && x < .8:
		id := p.mine[0]
		p.mine = p.mine[1:]
		return call{name: "revoke link", method: "DELETE", path: "/shares/" + id}
	}
	return call{
		name: "make link", method: "POST", path: "/shares", body: map[string]any{"file_id": file},
		made: func(id string) { p.mine = append(p.mine, id) },
	}
}

// Do implements drive.Worker.
func (p *partner) Do(ctx context.Context) (tally.Sample, bool) {
	operation := p.choose()
	var body []byte
	if operation.body != nil {
		body, _ = json.Marshal(operation.body) // strings and numbers
	}
	request := p.target.RequestWith(operation.method, "/api/v1"+operation.path, body, "X-API-Key", p.env.Key)
	sent := time.Now()
	sample := p.send(ctx, request, sent)
	sample.Took = time.Since(sent)
	sample.Failed = sample.Outcome != tally.Done
	if !sample.Failed {
		p.api.note(operation.name, sample.Took)
		var made struct{ ID string }
		if operation.made != nil && json.Unmarshal(p.body, &made) == nil && made.ID != "" {
			operation.made(made.ID)
		}
	}
	return sample, true
}

func (p *partner) send(ctx context.Context, request []byte, sent time.Time) tally.Sample {
	s := &shot{request: request}
	reused := p.conn != nil && p.used
	a, err := p.begin(ctx, s)
	if err != nil && reused && stale(err) {
		p.drop()
		a, err = p.begin(ctx, s)
	}
	if err != nil {
		p.drop()
		return tally.Sample{Outcome: tally.Broken}
	}
	p.used, p.body = true, p.body[:0]
	sample := tally.Sample{Outcome: tally.OfStatus(a.Status), FirstByte: time.Since(sent)}
	if a.Status/100 == 2 {
		sample.Outcome = tally.Done
	}
	closes := a.Close
	err = p.conn.Body(a, func(piece []byte) error { p.body = append(p.body, piece...); return nil })
	sample.Bytes = int64(len(p.body))
	if err != nil {
		sample.Outcome = tally.Broken
	}
	if err != nil || closes {
		p.drop()
	}
	return sample
}

func (w *api) note(operation string, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.took[operation]
	if h == nil {
		h = tally.NewHistogram()
		w.took[operation] = h
	}
	_ = h.RecordValue(max(1, took.Microseconds()))
}

// Figures implements Workload.
func (w *api) Figures() (all []Figure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{"whoami", "quota", "get file", "list files", "list links", "make link", "change link", "revoke link"} {
		if h := w.took[name]; h != nil {
			all = append(all,
				Figure{fmt.Sprintf("%s, p50", name), float64(h.ValueAtQuantile(50)) / 1000, "ms"},
				Figure{fmt.Sprintf("%s, p99", name), float64(h.ValueAtQuantile(99)) / 1000, "ms"})
		}
	}
	return all
}
