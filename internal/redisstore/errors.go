package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"rawlink/internal/share"
)

// What a driver's error comes down to, in words that hold no address.
var (
	errBreaker    = errors.New("redis failed just now and is not asked")
	errTimeout    = errors.New("redis did not answer in time")
	errPool       = errors.New("no free connection to redis")
	errConnection = errors.New("connection to redis failed")
)

// failure translates a driver's error. The original is dropped on purpose: it
// names hosts. Only a context's end stays in the chain.
func failure(op string, err error) error {
	return share.E(share.Unavailable, op, reason(err))
}

func reason(err error) error {
	var network net.Error
	var reply redis.Error
	var unsure *unsureError
	if errors.As(err, &unsure) {
		err = unsure.cause
	}
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return errBreaker
	case errors.Is(err, redis.ErrPoolTimeout):
		return errPool
	case errors.As(err, &network) && network.Timeout():
		return errTimeout
	case errors.As(err, &reply):
		return errors.New("redis answered " + replyCode(reply))
	}
	return errConnection
}

// replyCode returns the first word of an error reply, such as READONLY or OOM.
// What follows may repeat arguments or name another host.
func replyCode(reply redis.Error) string {
	code, _, _ := strings.Cut(reply.Error(), " ")
	if code == "" || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "an error"
	}
	return code
}
