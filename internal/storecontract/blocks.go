package storecontract

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// BlockStore keeps the blocks of downloads of capped shares.
type BlockStore interface {
	ledger.Blocks
	Look(ctx context.Context, shareID, block string) (ledger.Holding, error)
	Remove(ctx context.Context, shareID, block string) (ledger.Holding, error)
}

// Blocks checks a BlockStore. open returns a fresh one.
func Blocks(t *testing.T, open func(t *testing.T) BlockStore) {
	t.Helper()
	t.Run("takings", func(t *testing.T) { takings(t, open(t)) })
	t.Run("window", func(t *testing.T) { window(t, open(t)) })
	t.Run("epochs", func(t *testing.T) { epochs(t, open(t)) })
	t.Run("installing", func(t *testing.T) { installing(t, open(t)) })
	t.Run("answers of earlier blocks", func(t *testing.T) { earlierAnswers(t, open(t)) })
	t.Run("holding", func(t *testing.T) { holding(t, open(t)) })
	t.Run("every unit once", func(t *testing.T) { everyUnitOnce(t, open(t)) })
	t.Run("proof", func(t *testing.T) {
		s := open(t)
		Insist(t, func() error { return s.Prove(t.Context()) })
	})
}

// answerTo is the answer to a taking, which is put until there is one: its sequence is
// there for that.
func answerTo(t *testing.T, s BlockStore, shareID string, take ledger.Take) (got ledger.Answer, err error) {
	err = Again(func() (err error) { got, err = s.Take(t.Context(), shareID, take); return err })
	return got, err
}

func takings(t *testing.T, s BlockStore) {
	MustInstall(t, s, share.Block{ID: "b", Units: 10, Epoch: 1})
	for i, step := range []struct {
		edge   string
		seq, n int64
		want   ledger.Answer
	}{
		{"a", 1, 3, ledger.Answer{Block: "b", Units: 3}},
		{"a", 1, 3, ledger.Answer{Block: "b", Units: 3}}, // the same again
		{"b", 1, 2, ledger.Answer{Block: "b", Units: 2}},
		{"a", 2, 1, ledger.Answer{Block: "b", Units: 1}},
		{"b", 7, 9, ledger.Answer{Block: "b", Units: 4}}, // what is left
		{"b", 7, 9, ledger.Answer{Block: "b", Units: 4}},
		{"a", 3, 1, ledger.Answer{State: ledger.Spent, Block: "b"}},
		{"c", 1, 1, ledger.Answer{State: ledger.Spent, Block: "b"}},
	} {
		got, err := answerTo(t, s, "s", ledger.Take{Edge: step.edge, Seq: step.seq, N: step.n, Epoch: 1})
		if err != nil || got != step.want {
			t.Errorf("step %d: %+v, %v; want %+v", i, got, err, step.want)
		}
	}
	if got, err := s.Take(t.Context(), "s", ledger.Take{Edge: "b", Seq: 6, N: 1}); share.KindOf(err) != share.Unavailable {
		t.Errorf("a late copy of an old taking: %+v, %v; want Unavailable", got, err)
	}
	if got, err := answerTo(t, s, "other", ledger.Take{Edge: "a", Seq: 1, N: 1}); err != nil || got != (ledger.Answer{State: ledger.Missing}) {
		t.Errorf("no block: %+v, %v; want Missing", got, err)
	}
}

// window sees that extra units are given up to the window and a quarter of the
// rest, and never instead of those that are waited for.
func window(t *testing.T, s BlockStore) {
	MustInstall(t, s, share.Block{ID: "b", Units: 100, Window: 20})
	for i, want := range []int64{10 + 20, 10 + 15, 10 + 8, 10 + 4, 10, 3, 0} {
		take := ledger.Take{Edge: "a", Seq: int64(i) + 1, N: 10, Extra: 50}
		if i == 4 {
			take.Extra = 0
		}
		got, err := answerTo(t, s, "s", take)
		if err != nil || got.Units != want {
			t.Errorf("taking %d: %+v, %v; want %d units", i, got, err, want)
		}
	}
}

func epochs(t *testing.T, s BlockStore) {
	MustInstall(t, s, share.Block{ID: "b", Units: 10, Epoch: 3})
	for epoch, want := range map[int64]ledger.State{2: ledger.Taken, 3: ledger.Taken, 4: ledger.Outdated} {
		got, err := answerTo(t, s, "s", ledger.Take{Edge: string(rune('a' + epoch)), Seq: 1, N: 1, Epoch: epoch})
		if err != nil || got.State != want || got.Block != "b" {
			t.Errorf("epoch %d: %+v, %v; want %v", epoch, got, err, want)
		}
	}
}

func installing(t *testing.T, s BlockStore) {
	take := func(want string) {
		t.Helper()
		got, err := answerTo(t, s, "s", ledger.Take{Edge: RandomEvents(1)[0].Hash.String(), Seq: 1, N: 1})
		if err != nil || got.Block != want || got.Units != 1 {
			t.Errorf("%+v, %v; want 1 unit of %s", got, err, want)
		}
	}
	for i, step := range []struct {
		id, replaces string
		want         bool
		block        string // that is there afterwards
	}{
		{"a", "", true, "a"},
		{"b", "", false, "a"},  // there is one
		{"b", "x", false, "a"}, // and it is not that one
		{"b", "a", true, "b"},
		{"c", "a", false, "b"}, // too late
	} {
		got, err := s.Install(t.Context(), "s", share.Block{ID: step.id, Units: 10}, step.replaces)
		if err != nil || got != step.want {
			t.Errorf("step %d: %v, %v; want %v", i, got, err, step.want)
		}
		take(step.block)
	}
	// Who took from a block can be read after it was replaced.
	if h, err := s.Look(t.Context(), "s", "a"); err != nil || !h.Found || h.Live || len(h.Took) != 3 {
		t.Errorf("look at a block that was replaced: %+v, %v; want three takers, and not live", h, err)
	}
	if h, err := s.Remove(t.Context(), "s", "a"); err != nil || h.Live {
		t.Errorf("removal of it: %+v, %v; want not live", h, err)
	}
	take("b")
}

// earlierAnswers: a taking whose answer was lost, or a copy of it that comes late,
// meets a later block than the one that answered it, and takes nothing from that.
func earlierAnswers(t *testing.T, s BlockStore) {
	install := func(id, replaces string) {
		t.Helper()
		if ok, err := s.Install(t.Context(), "s", share.Block{ID: id, Units: 10}, replaces); err != nil || !ok {
			t.Fatalf("install %s: %v, %v", id, ok, err)
		}
	}
	take := func(edge string, seq int64, want ledger.Answer) {
		t.Helper()
		if got, err := answerTo(t, s, "s", ledger.Take{Edge: edge, Seq: seq, N: seq}); err != nil || got != want {
			t.Errorf("taking %d of %s: %+v, %v; want %+v", seq, edge, got, err, want)
		}
	}
	late := func(edge string, seq int64) {
		t.Helper()
		if got, err := s.Take(t.Context(), "s", ledger.Take{Edge: edge, Seq: seq, N: seq}); share.KindOf(err) != share.Unavailable {
			t.Errorf("a late copy of taking %d of %s: %+v, %v; want Unavailable", seq, edge, got, err)
		}
	}
	install("1", "")
	take("a", 1, ledger.Answer{Block: "1", Units: 1})
	take("a", 2, ledger.Answer{Block: "1", Units: 2})
	take("b", 3, ledger.Answer{Block: "1", Units: 3})
	install("2", "1")
	take("a", 2, ledger.Answer{Block: "1", Units: 2})
	take("b", 4, ledger.Answer{Block: "2", Units: 4})
	install("3", "2")
	take("a", 2, ledger.Answer{Block: "1", Units: 2}) // two blocks later
	take("b", 4, ledger.Answer{Block: "2", Units: 4})
	late("b", 3)
	take("a", 5, ledger.Answer{Block: "3", Units: 5})
	take("a", 5, ledger.Answer{Block: "3", Units: 5})
	late("a", 2) // of an earlier block, and no longer its newest
	for block, want := range map[string]int64{"1": 4, "2": 6, "3": 5} {
		if h, err := s.Look(t.Context(), "s", block); err != nil || !h.Found || h.Free != want {
			t.Errorf("block %s: %+v, %v; want %d free", block, h, err, want)
		}
	}
}

func holding(t *testing.T, s BlockStore) {
	MustInstall(t, s, share.Block{ID: "b", Units: 10})
	for _, take := range []ledger.Take{{Edge: "a", Seq: 1, N: 2}, {Edge: "c", Seq: 1, N: 1}, {Edge: "a", Seq: 2, N: 3}} {
		if _, err := answerTo(t, s, "s", take); err != nil {
			t.Fatal(err)
		}
	}
	look := func(what string, ask func(context.Context, string, string) (ledger.Holding, error), block string, found bool) {
		t.Helper()
		h, err := ask(t.Context(), "s", block)
		if err != nil || h.Found != found {
			t.Fatalf("%s of %s: %+v, %v; want found: %v", what, block, h, err, found)
		}
		if !found {
			return
		}
		took := map[string]int64{}
		for _, one := range h.Took {
			if took[one.Edge] = one.Units; one.Idle < 0 || one.Idle > time.Minute {
				t.Errorf("%s: idle for %v", one.Edge, one.Idle)
			}
		}
		if !h.Live || h.Free != 4 || len(took) != 2 || took["a"] != 5 || took["c"] != 1 {
			t.Errorf("%s: %+v; want 4 free, 5 of a, 1 of c", what, h)
		}
	}
	look("look", s.Look, "x", false)
	look("look", s.Look, "b", true)
	look("removal", s.Remove, "x", false)
	look("removal", s.Remove, "b", true)
	look("removal of what is removed", s.Remove, "b", true) // the answer may have been lost
	look("look", s.Look, "b", true)
	if got, err := answerTo(t, s, "s", ledger.Take{Edge: "a", Seq: 3, N: 1}); err != nil || got.State != ledger.Missing {
		t.Errorf("taking after removal: %+v, %v; want Missing", got, err)
	}
	MustInstall(t, s, share.Block{ID: "next", Units: 10})
	look("removal beside another block", s.Remove, "b", true)
	if h, err := s.Look(t.Context(), "s", "next"); err != nil || !h.Live || h.Free != 10 {
		t.Errorf("the block after it: %+v, %v; want it whole", h, err)
	}
}

// everyUnitOnce has many edges repeat their takings, as after lost answers.
func everyUnitOnce(t *testing.T, s BlockStore) {
	const units = 500
	MustInstall(t, s, share.Block{ID: "b", Units: units, Window: 3})
	var taken atomic.Int64
	var wg sync.WaitGroup
	for edge := range 8 {
		wg.Go(func() {
			for seq := int64(1); ; seq++ {
				take := ledger.Take{Edge: string(rune('a' + edge)), Seq: seq, N: seq%5 + 1, Extra: 2}
				first, err := answerTo(t, s, "s", take)
				if err != nil {
					t.Error(err)
					return
				}
				if first.State == ledger.Spent {
					return
				}
				if second, err := answerTo(t, s, "s", take); err != nil || second != first {
					t.Errorf("taking %+v: %+v, then %+v, %v", take, first, second, err)
					return
				}
				taken.Add(first.Units)
			}
		})
	}
	wg.Wait()
	if taken.Load() != units {
		t.Errorf("%d units taken of %d", taken.Load(), units)
	}
}

// MustInstall installs a block of the share "s", where none is.
func MustInstall(tb testing.TB, s BlockStore, b share.Block) {
	tb.Helper()
	if ok, err := s.Install(tb.Context(), "s", b, ""); err != nil || !ok {
		tb.Fatalf("Install = %v, %v", ok, err)
	}
}
