package model

import "testing"

// The lines follow their formulas: a test by hand of a deployment that is easy to
// reckon with.
func TestLines(t *testing.T) {
	in := Defaults()
	in.Links, in.Rate, in.Edges, in.Origins, in.Changes, in.Capped = 1e6, 10_000, 10, 2, 100, .1
	in.L1Hits, in.L2Hits, in.ByteHits, in.FileSize, in.EdgeCPU = .9, .5, .75, 1000, 1e-4
	in.RecordBytes, in.EventBytes, in.TickBytes, in.TicksASecond, in.RoundTrip = 1000, 200, 100, 4, .001
	in.ShardRate, in.ShardMemory = 1000, 1e9
	want := map[string]float64{
		"cores for requests": 1, "requests an edge": 1000, "bytes to clients": 1e7,
		"reads of records": 1000, "reads of the stream, all on one shard": 1080, "commands in all": 1000 + 1080 + 200 + 8,
		"memory, if every record is there at once": 1e9, "shards": 3,
		"stream, to one edge": 20_800, "stream, to all edges": 208_000, "records resolved": 500,
		"writes for capped downloads": 1000, "writes for changes, with their outbox rows": 300,
		"reads": 2500, "bytes read": 2.5e6,
	}
	for _, l := range in.Lines() {
		if w, ok := want[l.Name]; ok && (l.Value < w*.999 || l.Value > w*1.001) {
			t.Errorf("%s = %g; want %g", l.Name, l.Value, w)
		}
		delete(want, l.Name)
		if l.Formula == "" {
			t.Errorf("%s has no formula", l.Name)
		}
	}
	for name := range want {
		t.Errorf("there is no line %q", name)
	}
	in.Changes = 1e6
	if got := in.StreamReads(); got != 10*1000 {
		t.Errorf("reads of a busy stream: %g; want one a round trip of each edge", got)
	}
}
