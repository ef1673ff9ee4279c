package testenv

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// patient is for answers that will come, however busy the machine.
const patient = 30 * time.Second

func mustRedisClient(tb testing.TB, r RedisServer, patience time.Duration) *redis.Client {
	tb.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: r.Addr, MaxRetries: -1, DialerRetries: 1, DialTimeout: patient, ReadTimeout: patience, ContextTimeoutEnabled: true,
	})
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRedisAnswers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), IgnoreServers())
	c := mustRedisClient(t, Redis(t), patient)
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestRedisTakesSettings(t *testing.T) {
	r := Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	c := mustRedisClient(t, r, patient)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	r.Start()
	if got, err := mustRedisClient(t, r, patient).Get(t.Context(), "k").Result(); got != "v" || err != nil {
		t.Fatalf("after a kill, k = %q, %v; want v: it was appended", got, err)
	}
}

func TestServerChangesState(t *testing.T) {
	ctx, r := t.Context(), Redis(t)
	ping := func(patience time.Duration) error { return mustRedisClient(t, r, patience).Ping(ctx).Err() }
	var refused *net.OpError
	var timeout net.Error

	for _, step := range []struct {
		name string
		do   func()
		want func(error) bool
	}{
		{"stopped", r.Stop, func(err error) bool { return errors.As(err, &refused) }},
		{"stopped twice", r.Stop, func(err error) bool { return errors.As(err, &refused) }},
		{"started", r.Start, func(err error) bool { return err == nil }},
		{"started twice", r.Start, func(err error) bool { return err == nil }},
		{"paused", r.Pause, func(err error) bool {
			return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
		}},
		{"resumed", r.Resume, func(err error) bool { return err == nil }},
		{"killed", r.Kill, func(err error) bool { return errors.As(err, &refused) }},
		{"started after a kill", r.Start, func(err error) bool { return err == nil }},
	} {
		step.do()
		patience := patient
		if step.name == "paused" { // and nobody will ever answer
			patience = 200 * time.Millisecond
		}
		if err := ping(patience); !step.want(err) {
			t.Fatalf("%s: PING = %v", step.name, err)
		}
	}
}

// record is a test that only notes whether it was told to fail.
type record struct {
	testing.TB
	failed bool
}

func (r *record) Errorf(string, ...any) { r.failed = true }

func TestUnaskedDeathFailsTheTest(t *testing.T) {
	r := Redis(t)
	told := &record{TB: t}
	r.tb = told
	proc, err := os.FindProcess(r.proc.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := proc.Kill(); err != nil {
		t.Fatal(err)
	}
	<-r.proc.done
	if r.Stop(); !told.failed {
		t.Fatal("the server died and nobody said so")
	}
}
