package redisstore

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// once keeps a Cluster's client from sending a command again that may have been
// executed. The driver repeats after any timeout and any connection that broke,
// whatever MaxRetries says; an error that it does not recognise ends its loop.
// Replies (MOVED, ASK, TRYAGAIN, CLUSTERDOWN, READONLY) pass, and so do failures
// to connect: nothing was executed then.
type once struct{}

// unsureError says that a command may have been executed. It has no Unwrap, so
// that the driver does not find the timeout or end of file within.
type unsureError struct{ cause error }

func (e *unsureError) Error() string { return "may have been executed: " + e.cause.Error() }

// DialHook implements redis.Hook.
func (once) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (once) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if mayHaveRun(err) {
			err = &unsureError{err}
			cmd.SetErr(err)
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook: after ASK a command travels in a
// pipeline of its own.
func (once) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if !mayHaveRun(err) {
			return err
		}
		for _, cmd := range cmds {
			if mayHaveRun(cmd.Err()) {
				cmd.SetErr(&unsureError{cmd.Err()})
			}
		}
		return &unsureError{err}
	}
}

// mayHaveRun reports whether an error leaves open what Redis did.
func mayHaveRun(err error) bool {
	var reply redis.Error
	var dial *net.OpError
	var unsure *unsureError
	switch {
	case err == nil, errors.As(err, &reply), errors.As(err, &unsure):
		return false
	case errors.As(err, &dial) && dial.Op == "dial":
		return false
	case errors.Is(err, redis.ErrPoolTimeout):
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false // the driver ends at these, and who called wants to see them
	}
	return true
}
