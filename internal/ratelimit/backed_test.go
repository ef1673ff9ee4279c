package ratelimit

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

type counter struct {
	used int64
	down bool
}

func (c *counter) Take(_ context.Context, _ string, budgets []Budget) ([]Standing, error) {
	if c.down {
		return nil, errors.New("down")
	}
	c.used++
	return []Standing{{Budget: budgets[0], Used: c.used, Left: time.Second}}, nil
}

func TestBackedGoesOnCounting(t *testing.T) {
	t.Parallel()
	shared, own := &counter{}, &counter{}
	b := &Backed{Shared: shared, Own: own, Log: slog.New(slog.DiscardHandler)}
	for i, down := range []bool{false, true, true, false} {
		shared.down = down
		got, err := b.Take(t.Context(), "c", []Budget{{Name: "b", Most: 1, Per: time.Second}})
		if err != nil || len(got) != 1 {
			t.Fatalf("take %d: %v, %v", i, got, err)
		}
	}
	if shared.used != 2 || own.used != 2 {
		t.Errorf("%d counted for all, %d alone; want 2 and 2", shared.used, own.used)
	}
}
