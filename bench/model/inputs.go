package model

import (
	"errors"
	"fmt"
)

// Inputs are what the model starts from. Costs are of one operation.
type Inputs struct {
	// The deployment.
	Links    float64 // that exist
	Rate     float64 // requests per second, all edges together
	Edges    float64
	Changes  float64 // of links per second: created, changed, revoked, found infected
	Capped   float64 // share of the requests that take a capped download, 0 to 1
	FileSize float64 // mean bytes of a body
	Origins  float64 // processes that tick

	// How well caches work.
	L1Hits   float64 // share of the requests whose record is in the edge's process
	L2Hits   float64 // share of the others whose record is in Redis
	ByteHits float64 // share of the bodies that need no read of the object store

	// Measured costs.
	EdgeCPU      float64 // seconds per request
	RecordBytes  float64 // of one record in Redis, its key and overhead included
	EventBytes   float64 // of one change on the wire of the stream, to one edge
	TickBytes    float64 // of one tick on the wire of the stream, to one edge
	TicksASecond float64 // of one origin
	RoundTrip    float64 // seconds from an edge to Redis and back: bounds its reads of the stream
	RedeemWrites float64 // of the database per capped download: 1, or less with blocks
	ShardRate    float64 // commands per second that one Redis shard takes at half load
	ShardMemory  float64 // bytes of records that one shard holds
	CountsEvery  float64 // seconds between two hand-overs of counts by an edge
	CountedLinks float64 // links that an edge has counts of in one hand-over

	// Prices, in any currency.
	StoreGets float64 // per million reads of the object store
	CorePrice float64 // of one core for a month
	GiBPrice  float64 // of one GiB of Redis memory for a month
}

// Defaults are the inputs of a large deployment: 10⁹ links, 10⁶ requests a second,
// 500 edges. Costs are those of bench/RESULTS.md and of the simulation.
func Defaults() Inputs {
	return Inputs{
		Links: 1e9, Rate: 1e6, Edges: 500, Changes: 2000, Capped: .02, FileSize: 64 << 10, Origins: 4,
		L1Hits: .97, L2Hits: .98, ByteHits: .95,
		EdgeCPU: 20e-6, RecordBytes: 1040, EventBytes: 225, TickBytes: 180, TicksASecond: 4, RoundTrip: .0005, RedeemWrites: 1,
		ShardRate: 50_000, ShardMemory: 32 << 30, CountsEvery: .5, CountedLinks: 500,
		StoreGets: .4, CorePrice: 25, GiBPrice: 8,
	}
}

// Validate returns every problem at once, or nil.
func (in *Inputs) Validate() error {
	var problems []error
	for name, v := range map[string]float64{"links": in.Links, "rate": in.Rate, "edges": in.Edges, "origins": in.Origins, "shard rate": in.ShardRate, "shard memory": in.ShardMemory, "counts every": in.CountsEvery, "round trip": in.RoundTrip} {
		if !(v > 0) {
			problems = append(problems, fmt.Errorf("%s: want more than 0, have %g", name, v))
		}
	}
	for name, v := range map[string]float64{"capped": in.Capped, "l1 hits": in.L1Hits, "l2 hits": in.L2Hits, "byte hits": in.ByteHits} {
		if !(v >= 0 && v <= 1) {
			problems = append(problems, fmt.Errorf("%s: want a share from 0 to 1, have %g", name, v))
		}
	}
	for name, v := range map[string]float64{"changes": in.Changes, "file size": in.FileSize, "edge cpu": in.EdgeCPU, "record bytes": in.RecordBytes, "event bytes": in.EventBytes} {
		if !(v >= 0) {
			problems = append(problems, fmt.Errorf("%s: want 0 or more, have %g", name, v))
		}
	}
	return errors.Join(problems...)
}
