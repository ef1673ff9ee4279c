package ledger

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"rawlink/internal/share"
)

// ceilingFunc answers asks.
type ceilingFunc func(share.Ask) (share.Grant, error)

func (f ceilingFunc) Redeem(_ context.Context, _ string, ask share.Ask) (share.Grant, error) {
	return f(ask)
}
func (ceilingFunc) Settle(context.Context, []share.Use) error { return nil }

type noMeter struct{}

func (noMeter) Combined(int)   {}
func (noMeter) Took(string)    {}
func (noMeter) Asked(string)   {}
func (noMeter) Installed(bool) {}
func (noMeter) Held(int64)     {}
func (noMeter) Fence(bool)     {}
func (noMeter) Returned(int64) {}

func redeemer(t *testing.T, now func() time.Time, ceiling ceilingFunc) *Redeemer {
	r := New(Config{Ceiling: ceiling, Meter: noMeter{}, Log: slog.New(slog.DiscardHandler), Now: now})
	t.Cleanup(r.Close)
	return r
}

// waits returns when so many requests wait for downloads of a share.
func (r *Redeemer) waits(t *testing.T, shareID string, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		r.mu.RLock()
		l := r.lines[shareID]
		r.mu.RUnlock()
		if l == nil {
			continue
		}
		l.mu.Lock()
		waiting := len(l.queue)
		l.mu.Unlock()
		if waiting == n {
			return
		}
	}
	t.Fatalf("there never were %d that wait", n)
}

// TestAnswerOfAnEarlierCap has a cap raised while a question about the lower one is
// under way: what that is answered says nothing about the higher one.
func TestAnswerOfAnEarlierCap(t *testing.T) {
	for name, answer := range map[string]struct {
		grant share.Grant
		err   error
	}{
		"used up": {grant: share.Grant{Exhausted: true}},
		"ended":   {err: share.E(share.Gone, "redeem", errors.New("the share has ended"))},
	} {
		t.Run(name, func(t *testing.T) {
			asked, go1 := make(chan struct{}), make(chan struct{})
			r := redeemer(t, time.Now, func(ask share.Ask) (share.Grant, error) {
				if ask.Seq == 1 {
					close(asked)
					<-go1
					return answer.grant, answer.err
				}
				return share.Grant{Downloads: min(ask.N, 5), Epoch: 1}, nil
			})
			results := make(chan error, 2)
			redeem := func(rec share.Record) { results <- r.Redeem(t.Context(), &rec) }
			go redeem(share.Record{Version: 1, ShareID: "s", MaxDownloads: 10})
			<-asked
			go redeem(share.Record{Version: 2, ShareID: "s", MaxDownloads: 15, CapEpoch: 1})
			r.waits(t, "s", 2)
			close(go1)
			for range 2 {
				if err := <-results; err != nil {
					t.Errorf("under the higher cap: %v; want a download", err)
				}
			}
		})
	}
}

// TestLateAnswerOfAnEarlierCap has the question itself put again, after its answer was
// lost and the cap was raised: it is answered as it was before.
func TestLateAnswerOfAnEarlierCap(t *testing.T) {
	lost := true
	r := redeemer(t, time.Now, func(ask share.Ask) (share.Grant, error) {
		switch {
		case ask.Seq > 1:
			return share.Grant{Downloads: min(ask.N, 5), Epoch: 1}, nil
		case lost:
			return share.Grant{}, share.E(share.Unavailable, "redeem", errors.New("answer lost"))
		}
		return share.Grant{Exhausted: true}, nil
	})
	old := share.Record{Version: 1, ShareID: "s", MaxDownloads: 10}
	if err := r.Redeem(t.Context(), &old); share.KindOf(err) != share.Unavailable {
		t.Fatalf("with the answer lost: %v; want Unavailable", err)
	}
	lost = false
	raised := share.Record{Version: 2, ShareID: "s", MaxDownloads: 15, CapEpoch: 1}
	if err := r.Redeem(t.Context(), &raised); err != nil {
		t.Errorf("under the higher cap: %v; want a download", err)
	}
}

// TestUsedUpIsSaidOnce holds that who asks under the cap of the answer is told so.
func TestUsedUpIsSaidOnce(t *testing.T) {
	asks := 0
	r := redeemer(t, time.Now, func(share.Ask) (share.Grant, error) {
		asks++
		return share.Grant{Exhausted: true}, nil
	})
	rec := share.Record{Version: 1, ShareID: "s", MaxDownloads: 10}
	if err := r.Redeem(t.Context(), &rec); share.KindOf(err) != share.Gone || asks != 1 {
		t.Errorf("%v after %d questions; want Gone after one", err, asks)
	}
}

// reading is a store of blocks that answers and can't be written.
type reading struct {
	answer Answer
	why    error // of an installation that fails; nil: it is refused
}

func (r reading) Take(context.Context, string, Take) (Answer, error) { return r.answer, nil }
func (r reading) Install(context.Context, string, share.Block, string) (bool, error) {
	return false, r.why
}
func (reading) Prove(context.Context) error { return nil }

// TestBlocksThatCantBeStored has one block opened in vain for each proof, and not for
// each download.
func TestBlocksThatCantBeStored(t *testing.T) {
	down := share.E(share.Unavailable, "install block", nil)
	for name, blocks := range map[string]reading{
		"missing": {Answer{State: Missing}, down}, "fenced": {Answer{State: Fenced, Block: "old"}, down}, "spent": {Answer{State: Spent, Block: "old"}, down},
		"missing, and refused": {Answer{State: Missing}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			opened := 0
			r := New(Config{Blocks: blocks, Meter: noMeter{}, Log: slog.New(slog.DiscardHandler), Now: time.Now, Ceiling: ceilingFunc(func(ask share.Ask) (share.Grant, error) {
				g := share.Grant{Downloads: ask.N}
				if ask.Block {
					opened++
					g.Block = share.Block{ID: "new", Units: 20}
				}
				return g, nil
			})})
			t.Cleanup(r.Close)
			for proofs := range 3 {
				r.Prove(t.Context())
				for range 20 {
					if err := r.Redeem(t.Context(), &share.Record{Version: 1, ShareID: "s", MaxDownloads: 4000}); err != nil {
						t.Fatal(err)
					}
				}
				if opened > proofs+1 {
					t.Fatalf("%d blocks were opened after %d proofs", opened, proofs+1)
				}
			}
		})
	}
}
