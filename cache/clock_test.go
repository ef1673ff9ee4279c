package cache

import (
	"testing"
	"time"
)

func TestClockVouches(t *testing.T) {
	const key = 7
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	tests := []struct {
		name    string
		happens func(*Clock)
		want    time.Time
		lasting bool
		known   bool
	}{
		{"nothing", func(*Clock) {}, at(0), true, true},
		{"tick", func(c *Clock) { c.Verified(at(5)) }, at(5), true, true},
		{"older tick", func(c *Clock) { c.Verified(at(5)); c.Verified(at(3)) }, at(5), true, true},
		{"invalidated", func(c *Clock) { c.Invalidate(key) }, time.Time{}, false, false},
		{"slot mate invalidated", func(c *Clock) { c.Invalidate(key + slots) }, time.Time{}, false, false},
		{"other invalidated", func(c *Clock) { c.Invalidate(key + 1) }, at(0), true, true},
		{"gap", func(c *Clock) { c.InvalidateAll() }, at(0), false, true},
		{"tick, gap", func(c *Clock) { c.Verified(at(5)); c.InvalidateAll() }, at(5), false, true},
		{"gap, tick", func(c *Clock) { c.InvalidateAll(); c.Verified(at(9)) }, at(0), false, true},
		{"tick, gap, tick", func(c *Clock) { c.Verified(at(5)); c.InvalidateAll(); c.Verified(at(9)) }, at(5), false, true},
		{"tick, two gaps", func(c *Clock) { c.Verified(at(5)); c.InvalidateAll(); c.InvalidateAll() }, at(0), false, true},
		{"gap, invalidated", func(c *Clock) { c.InvalidateAll(); c.Invalidate(key) }, time.Time{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewClock()
			stamp := c.Read(key)
			tt.happens(c)
			got, lasting, known := c.vouched(key, stamp, at(0))
			if !got.Equal(tt.want) || lasting != tt.lasting || known != tt.known {
				t.Errorf("vouched = %v, %v, %v; want %v, %v, %v", got, lasting, known, tt.want, tt.lasting, tt.known)
			}
		})
	}
}
