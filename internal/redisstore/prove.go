package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

var (
	errNoHistory = errors.New("scripts can't read the history id of this redis: its user must be allowed INFO")
	errUnsteady  = errors.New("this redis gives one history id after another")
	errNoFence   = errors.New("a block of another history was not recognised")
	errNoSlot    = errors.New("a repeated taking was not recognised")
)

var historyScript = reading(`return history()`)

var historyID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Prove implements ledger.Blocks. It goes through a block's life on the Redis at
// hand, on a key of its own: what depends on Redis keeping its word is seen to
// work here, not assumed. That the id changes with each promotion and restart is
// a property of the server which only those show.
func (b *Blocks) Prove(ctx context.Context) error {
	const op = "prove the fence"
	trial := "proof-" + rand.Text()
	key := b.key(trial)
	defer b.redis.Del(context.WithoutCancel(ctx), key) // else it ends with its life
	id, err := historyScript.Run(ctx, b.redis, []string{key}).Text()
	if err != nil {
		return failure(op, err)
	}
	if !historyID.MatchString(id) {
		return share.E(share.NotReady, op, errNoHistory)
	}
	if ok, err := b.Install(ctx, trial, share.Block{ID: "1", Units: 3}, ""); err != nil || !ok {
		return proof(op, err, errNoHistory)
	}
	take := ledger.Take{Edge: "proof", Seq: 1, N: 1}
	for range 2 { // the second time it is the same taking
		if a, err := b.Take(ctx, trial, take); err != nil || a.State != ledger.Taken || a.Units != 1 {
			return proof(op, err, errUnsteady)
		}
	}
	if h, err := b.Look(ctx, trial, "1"); err != nil || h.Free != 2 {
		return proof(op, err, errNoSlot)
	}
	if err := b.redis.HSet(ctx, key, "history", reversed(id)).Err(); err != nil {
		return failure(op, err)
	}
	take.Seq++
	if a, err := b.Take(ctx, trial, take); err != nil || a.State != ledger.Fenced {
		return proof(op, err, errNoFence)
	}
	return nil
}

func proof(op string, err, otherwise error) error {
	if err != nil {
		return err
	}
	return share.E(share.NotReady, op, otherwise)
}

// reversed is another id of the same form.
func reversed(id string) string {
	out := []byte(id)
	for i, c := range []byte(id) {
		out[len(out)-1-i] = c
	}
	if string(out) == id {
		out[0] ^= 1
	}
	return string(out)
}
