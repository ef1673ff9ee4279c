package model

import (
	"fmt"
	"math"

	"github.com/dustin/go-humanize"
)

// Line is one result, with how it came about.
type Line struct {
	Part    string  `json:"part"` // edges, redis, database, store, cost
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Formula string  `json:"formula"` // in the inputs' names
}

// Text is the value for people.
func (l Line) Text() string {
	switch {
	case l.Unit == "bytes":
		return humanize.IBytes(uint64(l.Value))
	case l.Unit == "bytes/s":
		return humanize.IBytes(uint64(l.Value)) + "/s"
	case l.Value >= 1000:
		return humanize.Comma(int64(math.Round(l.Value))) + " " + l.Unit
	}
	return fmt.Sprintf("%.4g %s", l.Value, l.Unit)
}

const month = 30 * 24 * 3600.0

// Lines works everything out.
func (in *Inputs) Lines() []Line {
	reads := in.L2Reads()
	commands := in.RedisCommands()
	shards := math.Ceil(max(commands/in.ShardRate, in.Links*in.RecordBytes/in.ShardMemory))
	gets := in.Rate * (1 - in.ByteHits)
	cores := in.Rate * in.EdgeCPU
	memory := in.Links * in.RecordBytes
	return []Line{
		{"edges", "cores for requests", cores, "cores", "rate × edge_cpu"},
		{"edges", "requests an edge", in.Rate / in.Edges, "/s", "rate ÷ edges"},
		{"edges", "bytes to clients", in.Rate * in.FileSize, "bytes/s", "rate × file_size"},
		{"redis", "reads of records", reads, "/s", "rate × (1 − l1_hits)"},
		{"redis", "reads of the stream, all on one shard", in.StreamReads(), "/s", "edges × min(changes + origins × ticks, 1 ÷ round_trip)"},
		{"redis", "commands in all", commands, "/s", "reads of records + reads of the stream + changes × 2 + origins × ticks"},
		{"redis", "memory, if every record is there at once", memory, "bytes", "links × record_bytes"},
		{"redis", "shards", shards, "", "max(commands ÷ shard_rate, memory ÷ shard_memory), rounded up"},
		{"redis", "stream, to one edge", in.StreamPerEdge(), "bytes/s", "changes × event_bytes + origins × ticks × tick_bytes"},
		{"redis", "stream, to all edges", in.StreamPerEdge() * in.Edges, "bytes/s", "(changes × event_bytes + origins × ticks × tick_bytes) × edges"},
		{"origin", "records resolved", reads * (1 - in.L2Hits), "/s", "rate × (1 − l1_hits) × (1 − l2_hits)"},
		{"database", "writes for capped downloads", in.Rate * in.Capped * in.RedeemWrites, "/s", "rate × capped × redeem_writes"},
		{"database", "writes for counts", in.countWrites(), "/s", "min(rate × (1 − capped), edges ÷ counts_every × counted_links)"},
		{"database", "writes for changes, with their outbox rows", in.Changes * 3, "/s", "changes × 3 (the change, its outbox row, the row's end)"},
		{"store", "reads", gets, "/s", "rate × (1 − byte_hits)"},
		{"store", "bytes read", gets * in.FileSize, "bytes/s", "rate × (1 − byte_hits) × file_size"},
		{"cost", "reads of the store a month", gets * month / 1e6 * in.StoreGets, "", "rate × (1 − byte_hits) × month ÷ 10⁶ × store_gets"},
		{"cost", "edge cores a month, at half load", 2 * cores * in.CorePrice, "", "rate × edge_cpu × 2 × core_price"},
		{"cost", "Redis memory a month, with one replica", 2 * memory / (1 << 30) * in.GiBPrice, "", "links × record_bytes × 2 × gib_price"},
	}
}

// L2Reads is how often a second an edge asks Redis for a record.
func (in *Inputs) L2Reads() float64 { return in.Rate * (1 - in.L1Hits) }

// RedisCommands is what all of Redis takes in a second: a change is a record put
// and an event appended, and each edge reads the stream.
func (in *Inputs) RedisCommands() float64 {
	return in.L2Reads() + 2*in.Changes + in.Origins*in.TicksASecond + in.StreamReads()
}

// StreamReads is how often a second all edges read the stream. A read waits for an
// entry and returns with it, so each entry costs each edge a read, until they come
// so fast that one read brings several.
func (in *Inputs) StreamReads() float64 {
	return in.Edges * min(in.Changes+in.Origins*in.TicksASecond, 1/in.RoundTrip)
}

// StreamPerEdge is what the stream sends to one edge, in bytes per second.
func (in *Inputs) StreamPerEdge() float64 {
	return in.Changes*in.EventBytes + in.Origins*in.TicksASecond*in.TickBytes
}

// countWrites: an edge hands the counts of a link over as one row however many
// downloads they stand for.
func (in *Inputs) countWrites() float64 {
	return min(in.Rate*(1-in.Capped), in.Edges/in.CountsEvery*in.CountedLinks)
}
