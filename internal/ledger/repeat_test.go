package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rawlink/internal/share"
)

// replies is a ceiling that remembers what it answered, and may lose its answers.
type replies struct {
	left  int64
	given map[string]share.Grant
	lost  bool
}

func (c *replies) redeem(ask share.Ask) (share.Grant, error) {
	name := fmt.Sprint(ask.Edge, " ", ask.Seq)
	g, again := c.given[name]
	if !again {
		g.Downloads = min(ask.N, c.left)
		c.left += ask.Return - g.Downloads
		g.Exhausted = c.left == 0
		c.given[name] = g
	}
	if c.lost {
		return share.Grant{}, share.E(share.Unavailable, "redeem", errors.New("the answer was lost"))
	}
	return g, nil
}

// TestQuestionOfAFreshLineIsRepeated has every answer to the first question of a line
// lost, also while it is tidied: who asks next is served what it granted.
func TestQuestionOfAFreshLineIsRepeated(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	ceiling := &replies{left: 1, given: map[string]share.Grant{}, lost: true}
	r := redeemer(t, func() time.Time { return now }, ceiling.redeem)
	rec := share.Record{Version: 1, ShareID: "s", MaxDownloads: 1}
	if err := r.Redeem(t.Context(), &rec); share.KindOf(err) != share.Unavailable {
		t.Fatalf("with the answer lost: %v; want Unavailable", err)
	}
	for range 3 {
		r.Settle(t.Context(), holdIdle)
		now = now.Add(RepeatedFor / 4)
	}
	ceiling.lost = false
	if err := r.Redeem(t.Context(), &rec); err != nil || len(ceiling.given) != 1 {
		t.Errorf("%v, of %d questions; want a download, of one", err, len(ceiling.given))
	}
}

// TestQuestionIsGivenUp repeats no question for longer than its answer is kept: not on
// a line that is left alone, and not on one that is busy all the time with what it
// takes from a block. Else units that are given back would be given back twice.
func TestQuestionIsGivenUp(t *testing.T) {
	t.Parallel()
	rec := share.Record{Version: 1, ShareID: "s", MaxDownloads: 1_000_000}
	for name, busy := range map[string]bool{"left alone": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			ceiling := &replies{left: 10, given: map[string]share.Grant{}, lost: true}
			r := redeemer(t, func() time.Time { return now }, ceiling.redeem)
			l, err := r.enter(rec.ShareID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.ask(t.Context(), share.Ask{Return: 5}, 0); err == nil {
				t.Fatal("the answer was not lost")
			}
			l.leave()
			r.Blocks = fullBlock{}
			r.Prove(t.Context())
			for end := now.Add(RepeatedFor); now.Before(end); now = now.Add(RepeatedFor / 20) {
				if busy {
					if err := r.Redeem(t.Context(), &rec); err != nil {
						t.Fatal(err)
					}
				}
				r.Settle(t.Context(), RepeatedFor)
			}
			ceiling.given = map[string]share.Grant{} // as they are swept
			ceiling.lost, r.Blocks = false, nil
			if err := r.Redeem(t.Context(), &rec); err != nil || ceiling.left != 14 {
				t.Errorf("%v, %d left of 15; want a download, 14", err, ceiling.left)
			}
		})
	}
}

// fullBlock is a block that never ends.
type fullBlock struct{}

func (fullBlock) Prove(context.Context) error { return nil }
func (fullBlock) Take(context.Context, string, Take) (Answer, error) {
	return Answer{State: Taken, Block: "b", Units: 1}, nil
}
func (fullBlock) Install(context.Context, string, share.Block, string) (bool, error) {
	return false, nil
}
