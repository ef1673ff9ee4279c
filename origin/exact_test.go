package origin

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rawlink/internal/database"
	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
	"rawlink/metrics"
	"rawlink/origin/store"
)

// site is one capped link, its origin and the edges that hand it out. served is
// what the test counts itself, and all that it believes.
type site struct {
	*Origin
	tb      rapid.TB
	clock   *moved
	db      *database.DB
	rec     share.Record
	tenant  string
	edges   []*outpost
	blocks  *place // where the origin looks
	served  atomic.Int64
	ahead   *store.Store // of an origin whose clock is hours ahead
	killed  bool         // an edge was: what it took and did not serve is lost
	forgets int          // times that blocks were lost or fenced
}

// outpost is an edge, as far as it has a ledger.
type outpost struct {
	*ledger.Redeemer
	net    *network
	blocks *place
}

// moved is a clock that tests move.
type moved struct{ nanos atomic.Int64 }

func (m *moved) now() time.Time      { return time.Unix(0, m.nanos.Load()) }
func (m *moved) add(d time.Duration) { m.nanos.Add(int64(d)) }

// place is a store of blocks that may be exchanged for another.
type place struct {
	atomic.Pointer[storecontract.BlockStore]
	removing func() error // called before a removal, if set; if it fails nothing is removed
	removed  func() error // called after a removal, if set; its failure is the answer
}

func (p *place) move(to storecontract.BlockStore) { p.Store(&to) }
func (p *place) at() storecontract.BlockStore     { return *p.Load() }
func (p *place) Look(ctx context.Context, s, b string) (ledger.Holding, error) {
	return p.at().Look(ctx, s, b)
}
func (p *place) Remove(ctx context.Context, s, b string) (ledger.Holding, error) {
	if p.removing != nil {
		if err := p.removing(); err != nil {
			return ledger.Holding{}, err
		}
	}
	h, err := p.at().Remove(ctx, s, b)
	if p.removed != nil && err == nil {
		err = p.removed()
	}
	return h, err
}

// network loses questions and answers, and delivers questions late.
type network struct {
	mu    sync.Mutex
	fates []string // of the next calls
	late  []func()

	granted atomic.Int64 // blocks that the edge is still to install
}

func (n *network) pass(call func()) error {
	n.mu.Lock()
	fate := ""
	if len(n.fates) > 0 {
		fate, n.fates = n.fates[0], n.fates[1:]
	}
	if fate == "late" {
		n.late = append(n.late, call)
	}
	n.mu.Unlock()
	if fate == "" || fate == "answer lost" {
		call()
	}
	if fate == "" {
		return nil
	}
	return share.E(share.Unavailable, "network", errors.New(fate))
}

func (n *network) meets(fates []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fates = fates
}

func (n *network) heal() {
	n.mu.Lock()
	late := n.late
	n.fates, n.late = nil, nil
	n.mu.Unlock()
	for _, call := range late {
		call()
	}
}

// Take, Install and Prove are an edge's way to its blocks. What a call that arrives late
// is answered nobody reads, nor writes: it has variables of its own.
func (o *outpost) Take(_ context.Context, id string, t ledger.Take) (ledger.Answer, error) {
	var a ledger.Answer
	var err error
	lost := o.net.pass(func() { a, err = o.blocks.at().Take(context.Background(), id, t) })
	if lost != nil {
		return ledger.Answer{}, lost
	}
	return a, err
}

func (o *outpost) Install(_ context.Context, id string, b share.Block, replaces string) (bool, error) {
	defer o.net.granted.Add(-1)
	var ok bool
	var err error
	lost := o.net.pass(func() { ok, err = o.blocks.at().Install(context.Background(), id, b, replaces) })
	if lost != nil {
		return false, lost
	}
	return ok, err
}

func (o *outpost) Prove(ctx context.Context) error { return o.blocks.at().Prove(ctx) }

// door is an edge's way to the ceiling.
type door struct {
	net    *network
	origin *Origin
}

func (d door) Redeem(_ context.Context, id string, ask share.Ask) (share.Grant, error) {
	var g share.Grant
	var err error
	lost := d.net.pass(func() { g, err = d.origin.Redeem(context.Background(), id, ask) })
	if lost != nil {
		return share.Grant{}, lost
	}
	if err == nil && g.Block.ID != "" {
		d.net.granted.Add(1)
	}
	return g, err
}

func (d door) Settle(_ context.Context, uses []share.Use) error {
	var err error
	if lost := d.net.pass(func() { err = d.origin.Settle(context.Background(), uses) }); lost != nil {
		return lost
	}
	return err
}

// newSite opens a link with a cap. blocks is where its blocks are at first.
func newSite(t *testing.T, tb rapid.TB, most int64, edges int, blocks storecontract.BlockStore) *site {
	s := &site{tb: tb, clock: &moved{}, blocks: &place{}}
	s.clock.nanos.Store(time.Now().UnixNano())
	var err error
	s.db, err = database.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	s.ok(err)
	tables, err := store.Open(t.Context(), s.db, store.Options{CountPermanentLinks: true, Now: s.clock.now})
	s.ok(err)
	s.ahead, err = store.Open(t.Context(), s.db, store.Options{CountPermanentLinks: true, Now: func() time.Time { return s.clock.now().Add(3 * time.Hour) }})
	s.ok(err)
	s.blocks.move(blocks)
	s.Origin = &Origin{Parts: Parts{Store: tables, Blocks: s.blocks, Metrics: metrics.NewOrigin(metrics.New()), Log: slog.New(slog.DiscardHandler)}}
	s.link(most)
	for range edges {
		s.edges = append(s.edges, s.edge(blocks))
	}
	return s
}

func (s *site) edge(blocks storecontract.BlockStore) *outpost {
	o := &outpost{net: &network{}, blocks: &place{}}
	o.blocks.move(blocks)
	o.Redeemer = ledger.New(ledger.Config{Ceiling: door{o.net, s.Origin}, Blocks: o, Meter: metrics.NewLedger(metrics.New()),
		Log: slog.New(slog.DiscardHandler), Now: s.clock.now})
	o.Redeemer.Prove(context.Background())
	return o
}

func (s *site) close() {
	for _, e := range s.edges {
		e.Close()
	}
	s.ok(s.db.Close())
}

func (s *site) ok(err error) {
	if err != nil {
		s.tb.Fatal(err)
	}
}

// link makes the capped link.
func (s *site) link(most int64) {
	ctx := context.Background()
	tenant, err := s.Store.CreateTenant(ctx, store.Tenant{Name: "t", BytesLimit: store.Unlimited, LinksLimit: store.Unlimited})
	s.ok(err)
	space, err := s.Store.CreateSpace(ctx, tenant.ID, "s", nil)
	s.ok(err)
	u, err := s.Store.ReserveUpload(ctx, store.Upload{TenantID: tenant.ID, SpaceID: space.ID, OriginalName: "n", MIME: "text/plain", Size: 1}, time.Hour)
	s.ok(err)
	f, err := s.Store.CompleteUpload(ctx, u, share.Object{Key: u.ObjectKey, Version: "v"})
	s.ok(err)
	s.ok(s.Store.SetVerdict(ctx, f.ID, store.Verdict{Status: share.Clean, SHA256: "d"}))
	v, err := s.Store.CreateShare(ctx, store.NewShare{TenantID: tenant.ID, FileID: f.ID, Permission: share.View, MaxDownloads: &most,
		Hash: func(id string) share.Hash { return share.HashToken(id) }})
	s.ok(err)
	s.tenant = tenant.ID
	s.rec = share.Record{Version: 1, ShareID: v.ID, MaxDownloads: most}
}

// burst has n clients ask one edge at the same time, and returns how many were
// served, and how many were told that none is left.
func (s *site) burst(edge, n int) (served, gone int64) {
	var ok, no atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			switch err := s.edges[edge].Redeem(ctx, &s.rec); {
			case err == nil:
				ok.Add(1)
				s.served.Add(1)
			case share.KindOf(err) == share.Gone:
				no.Add(1)
			}
		})
	}
	wg.Wait()
	return ok.Load(), no.Load()
}

// ledgerRow is what the database says of the link.
func (s *site) ledgerRow() (reserved, most, count int64, open bool) {
	s.ok(s.db.Read().QueryRowContext(context.Background(), `SELECT reserved, max_downloads, download_count, block_id IS NOT NULL FROM shares WHERE id = $1`, s.rec.ShareID).
		Scan(&reserved, &most, &count, &open))
	return reserved, most, count, open
}

// check holds the invariant that nothing may break.
func (s *site) check(after string) {
	reserved, most, _, _ := s.ledgerRow()
	if served := s.served.Load(); served > s.rec.MaxDownloads || reserved > most || served > reserved {
		s.tb.Fatalf("after %s: %d served, %d reserved, cap %d", after, served, reserved, most)
	}
}

// settle has every edge tell all it knows and give back all it holds.
func (s *site) settle() {
	for range 3 { // answers that are late, what they bring, what is given back
		s.clock.add(2 * time.Second)
		for _, e := range s.edges {
			e.Settle(context.Background(), 0)
		}
	}
}

// drain serves until nothing is left.
func (s *site) drain() {
	for idle := 0; idle < 3; {
		got := int64(0)
		for i := range s.edges {
			n, _ := s.burst(i, 64)
			got += n
		}
		s.check("draining")
		if idle++; got > 0 {
			idle = 0
			continue
		}
		s.settle()
		s.clock.add(2 * time.Minute) // blocks that nobody finds are given up
	}
}

// reckon returns what the ledger says was lost, after checking that it adds up.
func (s *site) reckon(most int64) (lost int64) {
	s.settle()
	s.clock.add(time.Minute)
	lost = s.finishAll()
	reserved, _, count, open := s.ledgerRow()
	served := s.served.Load()
	if reserved != most || open {
		s.tb.Fatalf("drained: %d of %d reserved, a block open: %v; want all, none", reserved, most, open)
	}
	if !s.killed && (count != served || served+lost != most) {
		s.tb.Fatalf("download_count %d, %d lost; want the %d served, and %d in all", count, lost, served, most)
	}
	if count < served {
		s.tb.Fatalf("download_count %d; want at least the %d served", count, served)
	}
	return lost
}

// finishAll settles all closed blocks, unseen: all edges have told what they know.
func (s *site) finishAll() (lost int64) {
	due, err := s.Store.DueBlocks(context.Background(), 1<<20)
	s.ok(err)
	for _, b := range due {
		n, err := s.Store.FinishBlocks(context.Background(), []string{b.ID})
		s.ok(err)
		lost += n
	}
	return lost
}

// everything is each unsettled block's holding counted as an origin counts it
// for edges that fell silent.
func (s *site) inferAll() {
	ctx := context.Background()
	blocks, err := s.Store.OpenBlocks(ctx, "", 1<<20)
	s.ok(err)
	for _, b := range blocks {
		held, err := s.Blocks.Look(ctx, b.ShareID, b.ID)
		for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); { // an origin looks again, too
			time.Sleep(20 * time.Millisecond)
			held, err = s.Blocks.Look(ctx, b.ShareID, b.ID)
		}
		s.ok(err)
		s.ok(s.infer(ctx, b.ID, held, 0))
	}
}

// takeAllBack takes each block back that can be reached, some of them twice.
func (s *site) takeAllBack() {
	blocks, err := s.Store.OpenBlocks(context.Background(), "", 1<<20)
	s.ok(err)
	for _, b := range append(blocks, blocks...) {
		_ = s.takeBackBlock(context.Background(), b)
	}
}

// TestExact plays random faults on a link and holds that it is never served more
// often than its cap allows, that nothing is lost of small caps and little of
// large ones, and that what is counted is what was served.
func TestExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.SampledFrom([]int64{1, 3, 40, 100, 1599, 1600, 2500, 20_000}).Draw(rt, "cap")
		s := newSite(t, rt, most, 3, memstore.NewBlocks(time.Now))
		defer s.close()
		play(rt, s, most, 30, map[string]func(){
			"flush": func() {
				fresh := memstore.NewBlocks(time.Now)
				for _, e := range s.edges {
					e.blocks.move(fresh)
				}
				s.blocks.move(fresh)
				s.forgets++
			},
		})
	})
}

// play does random things to a site, then drains it and reckons up.
func play(rt *rapid.T, s *site, most int64, steps int, faults map[string]func()) {
	edge := func() int { return rapid.IntRange(0, len(s.edges)-1).Draw(rt, "edge") }
	names := []string{"burst", "burst", "burst", "lose", "lose every answer", "late ones arrive", "settle", "sweep", "take back", "time", "kill"}
	for name := range faults {
		names = append(names, name)
	}
	for range rapid.IntRange(5, steps).Draw(rt, "steps") {
		step := rapid.SampledFrom(sorted(names)).Draw(rt, "step")
		switch step {
		case "burst":
			s.burst(edge(), rapid.SampledFrom([]int{1, 2, 7, 60, 300}).Draw(rt, "clients"))
		case "lose":
			e := s.edges[edge()]
			e.net.meets(rapid.SliceOfN(rapid.SampledFrom([]string{"question lost", "answer lost", "late", ""}), 1, 8).Draw(rt, "fates"))
		case "lose every answer": // for longer than a question is repeated in one go
			i := edge()
			s.edges[i].net.meets(slices.Repeat([]string{"answer lost"}, 8))
			s.burst(i, 1)
			s.edges[i].Settle(context.Background(), time.Second)
		case "late ones arrive":
			s.edges[edge()].net.heal()
		case "settle":
			s.edges[edge()].Settle(context.Background(), time.Second)
		case "sweep": // which forgets answers that are asked for again: what they granted is lost
			if rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
				_, err := s.ahead.SweepLedger(context.Background(), 1<<20)
				s.ok(err)
				s.killed = true
			}
		case "take back": // which forgets what takings were answered
			if rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
				s.takeAllBack()
				s.killed = true
			}
		case "time":
			s.clock.add(time.Duration(rapid.IntRange(1, 5000).Draw(rt, "ms")) * time.Millisecond)
		case "kill":
			if i := edge(); rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
				old := s.edges[i]
				if s.forgets > 0 { // of a block that is lost, only its edge can tell: one of both is spared
					old.net.heal()
					old.Settle(context.Background(), time.Second)
				}
				old.Close()
				s.edges[i], s.killed = s.edge(old.blocks.at()), true
				s.edges[i].net.late = old.net.late // still on their way
				s.inferAll()
			}
		default:
			faults[step]()
		}
		s.check(step)
	}
	for _, e := range s.edges {
		e.net.heal()
		e.Prove(context.Background())
	}
	s.check("healing")
	s.settle()
	if s.killed {
		s.inferAll()
	}
	s.drain()
	lost := s.reckon(most)
	if under := most - s.served.Load(); !s.killed && under > 0 {
		bound := int64(s.forgets+1) * 2 * ledger.BlockSize(most, most)
		if under > bound {
			rt.Fatalf("cap %d: %d never served, %d lost, after %d losses of blocks; want at most %d", most, under, lost, s.forgets, bound)
		}
	}
}

func sorted(names []string) []string {
	names = append([]string(nil), names...)
	for i := range names { // rapid replays by index
		for j := i + 1; j < len(names); j++ {
			if names[j] < names[i] {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	return names
}
