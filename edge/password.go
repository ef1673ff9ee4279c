package edge

import (
	"context"
	"errors"

	"rawlink/internal/ratelimit"
	"rawlink/internal/share"
)

// How a password was found, as it stands in metrics.
const (
	passwordGrant    = "grant"      // a form was answered earlier
	passwordKnown    = "remembered" // right, as not long ago
	passwordRight    = "right"
	passwordWrong    = "wrong"
	passwordMissing  = "missing"
	passwordAddress  = "address_limit" // not looked at: too many tries of this client
	passwordShare    = "share_limit"   // not looked at: too many tries at this share
	passwordUnproved = "unproved"      // too much to do, or too slow
)

var (
	errNoPassword    = share.E(share.Locked, "password", errors.New("none was given"))
	errWrongPassword = share.E(share.Locked, "password", errors.New("not the right one"))
)

// throttled is the refusal to look at a password.
type throttled struct {
	ratelimit.Standing
	by string // passwordAddress or passwordShare
}

func (t *throttled) Error() string { return "password: too many tries: " + t.by }

// ErrorKind lets share.KindOf find the kind.
func (t *throttled) ErrorKind() share.Kind { return share.Overloaded }

// proves looks at the password that the request came with.
func (e *Edge) proves(k *known, req *request, t *tally) (found string, err error) {
	stored := k.rec.PasswordHash
	switch {
	case req.password == "":
		return passwordMissing, errNoPassword
	case len(req.password) > maxPassword:
		return passwordWrong, errWrongPassword
	}
	try := try{
		tried:  tried{e.locks.checker.Pair(stored, req.password), identity(req.addr)},
		stored: stored, password: req.password, shareID: k.rec.ShareID,
	}
	switch right, err := try.shown(e.locks); {
	case err != nil:
		return foundAs(err), err
	case right:
		return passwordKnown, nil
	}
	try.name = e.clients.address(req.addr)
	ctx, cancel := context.WithTimeout(t.ctx, e.cfg.RedeemTimeout)
	defer cancel()
	_, _, err = e.locks.byClient.Do(ctx, try.tried, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, try.ofClient(ctx, e.locks)
	})
	return foundAs(err), err
}

func foundAs(err error) string {
	var limit *throttled
	switch {
	case err == nil:
		return passwordRight
	case errors.Is(err, errWrongPassword):
		return passwordWrong
	case errors.As(err, &limit):
		return limit.by
	}
	return passwordUnproved
}
