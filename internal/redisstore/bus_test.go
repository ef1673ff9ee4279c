package redisstore_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rawlink/internal/redisstore"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

// noticedWithin is how soon a dead connection must be given up: the wait for an
// entry, a second more, and some slack for a busy machine. The driver alone would take
// ten seconds more.
const noticedWithin = 500*time.Millisecond + time.Second + 4*time.Second

// rig is an origin that reaches Redis directly and an edge behind a proxy.
type rig struct {
	server testenv.RedisServer
	proxy  *proxy
	origin *redisstore.Bus
	edge   *storecontract.Recorder
}

func newRig(t *testing.T, streamLength int64) *rig {
	t.Helper()
	server := testenv.Redis(t, "--repl-diskless-sync-delay", "0")
	p := startProxy(t, server.Addr)
	cfg := redisstore.Config{URL: "redis://" + server.Addr, StreamLength: streamLength}
	origin := mustOpen(t, cfg).Bus
	cfg.URL = "redis://" + p.addr
	return &rig{server, p, origin, storecontract.Listening(t, mustOpen(t, cfg).Bus)}
}

func (r *rig) publish(t *testing.T, n int) []string {
	t.Helper()
	events := storecontract.RandomEvents(n)
	for _, e := range events { // an entry each
		storecontract.Insist(t, func() error {
			err := r.origin.Publish(t.Context(), []share.Event{e})
			if err != nil && r.has(t, e) {
				return nil
			}
			return err
		})
	}
	return storecontract.Hashes(events)
}

// has reports whether an event is in the stream although its answer came too late.
func (r *rig) has(t *testing.T, e share.Event) bool {
	t.Helper()
	<-time.After(100 * time.Millisecond)
	for _, m := range mustRaw(t, r.server.Addr).XRevRangeN(t.Context(), "rawlink:bus", "+", "-", 10).Val() {
		if text, _ := m.Values["e"].(string); strings.Contains(text, e.Hash.String()) {
			return true
		}
	}
	return false
}

// A cut that loses nothing is no gap: the stream is read on where it broke.
func TestBusReadsOn(t *testing.T) {
	r := newRig(t, 0)
	storecontract.Ticking(t, r.origin)
	want := append([]string{"*"}, r.publish(t, 3)...)
	r.edge.AwaitChanges(t, want...)
	for range 3 {
		r.proxy.cut()
		want = append(want, r.publish(t, 3)...)
		r.edge.AwaitChanges(t, want...)
	}
	r.edge.AwaitVerified(t, time.Now())

	r.proxy.darken()
	want = append(want, r.publish(t, 3)...)
	r.proxy.lighten()
	r.edge.AwaitChanges(t, want...)
}

// A connection that swallows everything is noticed, trust is not renewed
// meanwhile, and nothing is lost.
func TestBusNoticesSilence(t *testing.T) {
	for _, tt := range []struct {
		name      string
		hush, end func(r *rig)
	}{
		{"network swallows bytes", func(r *rig) { r.proxy.darken() }, func(r *rig) { r.proxy.lighten() }},
		{"redis is frozen", func(r *rig) { r.server.Pause() }, func(r *rig) { r.server.Resume() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 0)
			storecontract.Ticking(t, r.origin)
			r.edge.AwaitVerified(t, time.Now())

			tt.hush(r)
			hushed := time.Now()
			connections := r.proxy.accepted.Load()
			await(t, "a new connection", func() bool { return r.proxy.accepted.Load() > connections })
			if took := time.Since(hushed); took > noticedWithin {
				t.Errorf("noticed after %v; want at most %v", took, noticedWithin)
			}
			if at := r.edge.LastVerified(); at.After(hushed) {
				t.Errorf("vouched for %v after the silence began", at.Sub(hushed))
			}

			tt.end(r)
			r.edge.AwaitVerified(t, time.Now())
			r.edge.AwaitChanges(t, append([]string{"*"}, r.publish(t, 2)...)...)
		})
	}
}

// With no origin to be heard the edge looks for a better connection: its own may
// lead to a primary that was deposed and hears nothing any more.
func TestBusLeavesASilentConnection(t *testing.T) {
	r := newRig(t, 0)
	connections := r.proxy.accepted.Load()
	await(t, "a new connection", func() bool { return r.proxy.accepted.Load() > connections })
	r.edge.AwaitChanges(t, append([]string{"*"}, r.publish(t, 1)...)...)
}

// Whenever entries may be missing, everything is invalidated before anything
// else is said.
func TestBusGaps(t *testing.T) {
	const short = 50
	flush := func(t *testing.T, r *rig) { must(t, mustRaw(t, r.server.Addr).FlushAll(t.Context())) }
	tests := []struct {
		name string
		harm func(t *testing.T, r *rig)
	}{
		{"flush", flush},
		{"flush, unseen", func(t *testing.T, r *rig) {
			r.proxy.darken()
			r.publish(t, 1)
			flush(t, r)
			r.publish(t, 1) // so that the stream is longer again than what was read
			r.proxy.lighten()
			r.proxy.cut()
		}},
		{"restart", func(_ *testing.T, r *rig) { r.server.Stop(); r.server.Start() }},
		{"crash", func(_ *testing.T, r *rig) { r.server.Kill(); r.server.Start() }},
		{"stream deleted", func(t *testing.T, r *rig) { must(t, mustRaw(t, r.server.Addr).Del(t.Context(), "rawlink:bus")) }},
		{"stream went back", func(t *testing.T, r *rig) {
			raw := mustRaw(t, r.server.Addr)
			first := raw.XRangeN(t.Context(), "rawlink:bus", "-", "+", 2).Val()
			must(t, raw.Del(t.Context(), "rawlink:bus"))
			for _, m := range first { // an earlier state, in the same history
				must(t, raw.XAdd(t.Context(), addOf(m.ID, m.Values)))
			}
			r.proxy.cut()
		}},
		{"trimmed past the edge", func(t *testing.T, r *rig) {
			r.proxy.darken()
			r.publish(t, 20*short)
			r.proxy.lighten()
			r.proxy.cut()
		}},
		{"entry removed", func(t *testing.T, r *rig) {
			r.server.Pause() // so that the edge can't read it first
			raw := mustRaw(t, r.server.Addr)
			r.proxy.darken()
			r.server.Resume()
			r.publish(t, 2)
			ids := raw.XRevRangeN(t.Context(), "rawlink:bus", "+", "-", 2).Val()
			must(t, raw.XDel(t.Context(), "rawlink:bus", ids[1].ID))
			r.proxy.lighten()
			r.proxy.cut()
		}},
		{"history changed under a living connection", func(t *testing.T, r *rig) {
			host, port, _ := net.SplitHostPort(r.server.Addr)
			replica := mustRaw(t, testenv.Redis(t, "--replicaof", host+" "+port).Addr)
			storecontract.Ticking(t, r.origin) // so that the edge has no reason to reconnect
			// With its first replica a primary begins a history.
			await(t, "replica", func() bool { return replica.Exists(t.Context(), "rawlink:bus").Val() == 1 })
		}},
		{"entry not to be understood", func(t *testing.T, r *rig) {
			raw := mustRaw(t, r.server.Addr)
			last := raw.XRevRangeN(t.Context(), "rawlink:bus", "+", "-", 1).Val()[0]
			last.Values["b"], last.Values["e"] = last.ID, "garbage"
			must(t, raw.XAdd(t.Context(), addOf("*", last.Values)))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, short)
			before := append([]string{"*"}, r.publish(t, 5)...)
			r.edge.AwaitChanges(t, before...)
			tt.harm(t, r)

			markers := map[string]bool{} // the edge may start behind any of them, not all
			await(t, "a marker", func() bool {
				events := storecontract.RandomEvents(1)
				if r.origin.Publish(t.Context(), events) == nil {
					markers[events[0].Hash.String()] = true
				}
				c := r.edge.Changes()
				return markers[c[len(c)-1]]
			})
			if after := r.edge.Changes()[len(before):]; after[0] != "*" {
				t.Errorf("made known after the gap: %.6s; want InvalidateAll first", after)
			}
			await(t, "the bus to vouch again", func() bool { _ = r.origin.Tick(t.Context()); return !r.edge.LastVerified().IsZero() })
		})
	}
}

// After a loss the ids may lie below the edge's place, when the new primary's
// clock is behind. Reading on from there would wait until the clock has caught up.
func TestBusSeesStreamBehindItsPlace(t *testing.T) {
	r := newRig(t, 0)
	raw := mustRaw(t, r.server.Addr)
	want := append([]string{"*"}, r.publish(t, 1)...)
	last := raw.XRevRangeN(t.Context(), "rawlink:bus", "+", "-", 1).Val()[0]
	last.Values["b"] = last.ID
	ahead := fmt.Sprintf("%d-0", time.Now().Add(time.Hour).UnixMilli())
	must(t, raw.XAdd(t.Context(), addOf(ahead, last.Values)))
	want = append(want, want[1])
	r.edge.AwaitChanges(t, want...)

	must(t, raw.Del(t.Context(), "rawlink:bus"))
	r.publish(t, 1) // never seen by the edge: its place is an hour ahead
	r.edge.AwaitChanges(t, append(want, "*")...)
	storecontract.Ticking(t, r.origin)
	r.edge.AwaitVerified(t, time.Now())
}

// The replica that takes over has every entry that the edge has read, and lacks
// one that the edge has not. Only the history tells.
func TestBusSeesLossInFailover(t *testing.T) {
	r := newRig(t, 0)
	host, port, _ := net.SplitHostPort(r.server.Addr)
	replica := testenv.Redis(t, "--replicaof", host+" "+port)
	raw := mustRaw(t, replica.Addr)
	r.publish(t, 1)
	await(t, "the replica", func() bool { return raw.Exists(t.Context(), "rawlink:bus").Val() == 1 })
	seen := r.publish(t, 1)[0] // a first replica begins a new history, so there was a gap
	await(t, "the edge", func() bool { c := r.edge.Changes(); return c[len(c)-1] == seen })
	await(t, "replication", func() bool {
		m := raw.XRevRangeN(t.Context(), "rawlink:bus", "+", "-", 1).Val()
		return len(m) == 1 && strings.HasPrefix(m[0].Values["e"].(string), seen)
	})
	want := r.edge.Changes()

	r.proxy.darken()
	must(t, raw.ReplicaOf(t.Context(), "NO", "ONE"))
	r.publish(t, 1) // on the old primary only: lost
	r.proxy.retarget(replica.Addr)
	r.proxy.lighten()
	r.proxy.cut()

	r.origin = mustOpen(t, redisstore.Config{URL: "redis://" + replica.Addr}).Bus
	r.edge.AwaitChanges(t, append(want, "*")...)
	r.edge.AwaitChanges(t, append(append(want, "*"), r.publish(t, 1)...)...)
}

// A tick whose answer was lost may reach the stream much later, and then proves
// nothing about what was committed since: the next one must not lean on it.
func TestBusFailedTickIsNoWitness(t *testing.T) {
	r := newRig(t, 0)
	slow := startProxy(t, r.server.Addr)
	origin := mustOpen(t, redisstore.Config{URL: "redis://" + slow.addr}).Bus
	raw := mustRaw(t, r.server.Addr)
	tick := func() error { return origin.Tick(t.Context()) }
	storecontract.Insist(t, tick)
	slow.hold()
	if err := origin.Tick(t.Context()); err == nil {
		t.Fatal("a tick succeeded that never arrived")
	}
	// Here the origin looks: nothing to publish.
	committed := time.Now()
	<-time.After(1200 * time.Millisecond) // the edge reads on, and finds nothing
	slow.release()
	await(t, "the late tick", func() bool { return raw.XLen(t.Context(), "rawlink:bus").Val() == 2 })
	storecontract.Insist(t, tick)
	r.edge.AwaitChanges(t, append([]string{"*"}, r.publish(t, 1)...)...)
	if at := r.edge.LastVerified(); !at.Before(committed) {
		t.Errorf("vouched for a change that was committed %v before and not handed on", at.Sub(committed))
	}
}

func addOf(id string, values map[string]any) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: "rawlink:bus", ID: id, Values: values}
}
