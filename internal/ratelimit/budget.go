package ratelimit

import "time"

// Budget is how many requests of one sort a client may make in one window.
type Budget struct {
	Name string        // a short word; part of stored keys and of headers
	Most int64         // requests in a window
	Per  time.Duration // the window's length; it begins with its first request
}

// Standing is where a client stands in a budget after one more request.
type Standing struct {
	Budget
	Used int64         // requests in this window, the one just counted included
	Left time.Duration // until the window ends; above zero
}

// Over reports whether the request just counted was one too many.
func (s Standing) Over() bool { return s.Used > s.Most }

// Remaining is how many more requests the window admits.
func (s Standing) Remaining() int64 { return max(0, s.Most-s.Used) }

// Seconds is Left in whole seconds, rounded up: a client that waits for so long
// meets a new window. At least 1, at most the window's length.
func (s Standing) Seconds() int64 {
	return max(1, min(seconds(s.Left), seconds(s.Per)))
}

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
