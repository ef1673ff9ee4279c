package cache

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlightIsShared(t *testing.T) {
	f := NewFlights[string, int](time.Minute)
	defer f.Close()
	var fills atomic.Int64
	release := make(chan struct{})
	fill := func(context.Context) (int, error) { fills.Add(1); <-release; return 42, nil }
	if _, joined, _ := f.board(t.Context(), "k", fill); joined {
		t.Fatal("the first to ask joined a fill")
	}

	var wg sync.WaitGroup
	for range 50 {
		flown, joined, err := f.board(t.Context(), "k", fill)
		if !joined || err != nil {
			t.Fatalf("board = %v, %v; want to join", joined, err)
		}
		wg.Go(func() { <-flown.done })
	}
	close(release)
	wg.Wait()
	if fills.Load() != 1 {
		t.Errorf("%d fills; want 1", fills.Load())
	}
	eventually(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.air) == 0 })
}

func TestFlightOutlivesItsLeader(t *testing.T) {
	f := NewFlights[string, int](time.Minute)
	defer f.Close()
	entered, release := make(chan struct{}), make(chan struct{})
	fill := func(ctx context.Context) (int, error) {
		close(entered)
		<-release
		return 1, ctx.Err()
	}
	leader, leave := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { _, _, err := f.Do(leader, "k", fill); left <- err }()
	<-entered
	flown, joined, _ := f.board(t.Context(), "k", fill) // a follower, before the leader leaves
	if !joined {
		t.Error("follower started a fill of its own")
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("leader got %v; want its own cancellation", err)
	}
	close(release)
	<-flown.done
	if flown.value != 1 || flown.err != nil {
		t.Errorf("follower got %d, %v; want the result", flown.value, flown.err)
	}
}

func TestFlightPanicReleasesWaiters(t *testing.T) {
	f := NewFlights[string, int](time.Minute)
	defer f.Close()
	_, _, err := f.Do(context.Background(), "k", func(context.Context) (int, error) { panic("boom") })
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("err = %v; want the panic's value", err)
	}
	if v, _, err := f.Do(context.Background(), "k", func(context.Context) (int, error) { return 2, nil }); v != 2 || err != nil {
		t.Errorf("next fill = %d, %v; want 2", v, err)
	}
}

func TestFlightHasADeadline(t *testing.T) {
	f := NewFlights[string, int](time.Millisecond)
	defer f.Close()
	_, _, err := f.Do(context.Background(), "k", func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v; want the fill's deadline", err)
	}
}

func TestFlightsClose(t *testing.T) {
	f := NewFlights[string, int](time.Minute)
	entered := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		_, _, err := f.Do(context.Background(), "k", func(ctx context.Context) (int, error) {
			close(entered)
			<-ctx.Done()
			return 0, ctx.Err()
		})
		got <- err
	}()
	<-entered
	f.Close()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v; want cancellation", err)
	}
	if _, _, err := f.Do(context.Background(), "k", nil); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v; want errClosed", err)
	}
}

// eventually polls a condition that another goroutine brings about.
func eventually(tb testing.TB, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			tb.Fatal("condition never held")
		}
		time.Sleep(time.Millisecond)
	}
}

type oneKey struct{}

// A fill has the values of whoever began it, and not their end.
func TestFillHasItsBeginnersValues(t *testing.T) {
	f := NewFlights[string, any](time.Minute)
	defer f.Close()
	ctx, leave := context.WithCancel(context.WithValue(t.Context(), oneKey{}, "traced"))
	began, goOn := make(chan struct{}), make(chan struct{})
	flown, _, err := f.board(ctx, "k", func(ctx context.Context) (any, error) {
		close(began)
		<-goOn
		return ctx.Value(oneKey{}), ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	<-began
	leave()
	close(goOn)
	if <-flown.done; flown.value != "traced" || flown.err != nil {
		t.Errorf("the fill saw %v and ended with %v; want its beginner's value and no error", flown.value, flown.err)
	}
}
