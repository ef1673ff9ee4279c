package origin

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"rawlink/internal/redisstore"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

// pair is a Redis and its replica, each as blocks and as a plain client to do to
// it what no edge would.
type pair struct {
	tb      testing.TB
	servers [2]testenv.RedisServer
	raw     [2]*redis.Client
	primary int
	cut     bool // the replica no longer follows
}

func newPair(t *testing.T) *pair {
	p := &pair{tb: t}
	p.servers[0] = testenv.Redis(t, "--repl-diskless-sync-delay", "0", "--repl-backlog-ttl", "0")
	host, port, _ := net.SplitHostPort(p.servers[0].Addr)
	p.servers[1] = testenv.Redis(t, "--repl-diskless-sync-delay", "0", "--repl-backlog-ttl", "0", "--replicaof", host+" "+port)
	for i, server := range p.servers {
		p.raw[i] = redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second})
		t.Cleanup(func() { _ = p.raw[i].Close() })
	}
	p.join(1)
	return p
}

// blocks opens both servers under a prefix of their own.
func (p *pair) blocks(tb testing.TB) (at [2]storecontract.BlockStore) {
	prefix := uuid.NewString() + ":"
	for i, server := range p.servers {
		s, err := redisstore.Open(redisstore.Config{URL: "redis://" + server.Addr, Prefix: prefix}, slog.New(slog.DiscardHandler))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = s.Close() })
		at[i] = s.Blocks
	}
	return at
}

func (p *pair) must(cmd redis.Cmder) {
	p.tb.Helper()
	if cmd.Err() != nil {
		p.tb.Fatal(cmd.Err())
	}
}

// join makes a server the replica of the other, and waits until it is.
func (p *pair) join(replica int) {
	p.primary, p.cut = 1-replica, false
	host, port, _ := net.SplitHostPort(p.servers[p.primary].Addr)
	p.must(p.raw[p.primary].ReplicaOf(context.Background(), "NO", "ONE"))
	p.must(p.raw[replica].ReplicaOf(context.Background(), host, port))
	p.sync()
}

// sync waits until the replica has all that was written.
func (p *pair) sync() {
	mark := uuid.NewString()
	p.must(p.raw[p.primary].Set(context.Background(), "mark", mark, 0))
	for end := time.Now().Add(20 * time.Second); p.raw[1-p.primary].Get(context.Background(), "mark").Val() != mark; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.tb.Fatal("the replica does not follow")
		}
	}
}

// cutOff ends the replica's following, without its noticing more than a network
// that fails: it keeps what it has and stays a replica.
func (p *pair) cutOff() {
	p.must(p.raw[1-p.primary].ReplicaOf(context.Background(), "127.0.0.1", "1"))
	p.cut = true
}

// promote makes the replica a primary beside the old one.
func (p *pair) promote() int {
	p.must(p.raw[1-p.primary].ReplicaOf(context.Background(), "NO", "ONE"))
	return 1 - p.primary
}

// snapshot waits for its turn: a replica that joins has one made, too.
func (p *pair) snapshot() {
	for end := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
		if cmd := p.raw[p.primary].Save(context.Background()); cmd.Err() == nil || time.Now().After(end) {
			p.must(cmd)
			return
		}
	}
}

// crash kills the primary, and starts it with the last snapshot or without.
func (p *pair) crash(keep bool) {
	server := p.servers[p.primary]
	server.Kill()
	if !keep {
		_ = os.Remove(filepath.Join(server.Dir, "dump.rdb"))
	}
	server.Start()
}

// TestRedisFaults does one thing at a time to Redis in the middle of a download
// of all there is, and sees that not one too many is served and at most one
// percent too few. Each of them over-serves without the fence, or without the
// ceiling.
func TestRedisFaults(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	const most = 20_000
	for name, fault := range map[string]struct {
		before, then func(s *site, at [2]storecontract.BlockStore)
	}{
		"flush": {then: func(*site, [2]storecontract.BlockStore) {
			p.must(p.raw[p.primary].FlushAll(context.Background()))
		}},
		"kill, restart empty": {then: func(*site, [2]storecontract.BlockStore) { p.crash(false) }},
		"kill, restart from an old snapshot": {
			before: func(*site, [2]storecontract.BlockStore) { p.snapshot() },
			then:   func(*site, [2]storecontract.BlockStore) { p.crash(true) },
		},
		"fail-over to a stale replica": {
			before: func(*site, [2]storecontract.BlockStore) { p.sync(); p.cutOff() },
			then: func(s *site, at [2]storecontract.BlockStore) {
				now := p.promote()
				s.moveAll(at[now])
			},
		},
		"split brain": {
			before: func(*site, [2]storecontract.BlockStore) { p.sync(); p.cutOff() },
			then: func(s *site, at [2]storecontract.BlockStore) {
				now := p.promote()
				s.edges[0].blocks.move(at[now]) // the others stay with the old primary
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				if p.cut { // by the round before
					p.join(1 - p.primary)
				}
				at := p.blocks(t)
				s := newSite(t, t, most, 3, at[p.primary])
				s.mixed(1000)
				if fault.before != nil {
					fault.before(s, at)
				}
				s.mixed(200) // some blocks later
				s.settle()
				fault.then(s, at)
				s.drain()
				lost := s.reckon(most)
				if s.served.Load()+lost != most || lost > most/100 {
					t.Errorf("%d served, %d lost of %d; want at most one percent lost", s.served.Load(), lost, most)
				}
				s.close()
			}
		})
	}
}

// mixed serves about n clients at all edges in turn.
func (s *site) mixed(n int) {
	for i := 0; n > 0; i, n = i+1, n-20 {
		s.burst(i%len(s.edges), 20)
	}
}

func (s *site) moveAll(to storecontract.BlockStore) {
	s.blocks.move(to)
	for _, e := range s.edges {
		e.blocks.move(to)
	}
}

// TestExactOnRedis plays random faults on real servers.
func TestExactOnRedis(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.SampledFrom([]int64{1, 40, 1600, 20_000}).Draw(rt, "cap")
		if p.primary == 1 {
			p.join(1)
		}
		at := p.blocks(t)
		s := newSite(t, rt, most, 3, at[p.primary])
		defer s.close()
		play(rt, s, most, 10, map[string]func(){
			"flush":    func() { p.must(p.raw[p.primary].FlushAll(context.Background())); s.forgets++ },
			"snapshot": func() { p.snapshot() },
			"crash": func() {
				p.crash(rapid.Bool().Draw(rt, "keeps its snapshot"))
				s.forgets++
			},
			"cut off": func() { p.cutOff() },
			"fail over": func() {
				cut := p.cut
				if now := p.promote(); cut && rapid.Bool().Draw(rt, "for one edge only") {
					s.edges[0].blocks.move(at[now])
				} else {
					s.moveAll(at[now])
				}
				p.join(1 - p.primary)
				s.moveAll(at[p.primary])
				s.forgets += 2
			},
		})
	})
}
