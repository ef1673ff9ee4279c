package edge

import "time"

// pace decides how long a client may take. Only time spent writing to it
// counts; a slow store is not its fault.
type pace struct {
	rate  int64         // bytes per second it must average
	grace time.Duration // before that applies
	stall time.Duration // in which it must accept something, however far ahead it is

	spent time.Duration
	sent  int64
}

// deadline returns when to look again at the writing of the next n bytes: before
// the client stalls for too long, and before its average drops below the rate.
func (p *pace) deadline(now time.Time, n int64) time.Time {
	return now.Add(min(p.credit(n), p.stall))
}

// passed notes that writing n bytes took d.
func (p *pace) passed(d time.Duration, n int64) {
	p.spent += d
	p.sent += n
}

// holds reports whether the client is within its rate.
func (p *pace) holds() bool { return p.credit(0) > 0 }

// credit returns how long the client may take until n bytes more are out.
func (p *pace) credit(n int64) time.Duration {
	due := float64(p.sent+n) / float64(p.rate) * float64(time.Second)
	return p.grace + time.Duration(min(due, float64(1<<62))) - p.spent
}
