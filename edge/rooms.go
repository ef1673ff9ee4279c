package edge

import "time"

// room is one of the eight that a request passes, in the order of serve; their
// names are metrics.RoomNames.
type room uint8

const (
	roomAdmit room = iota
	roomClaim
	roomLookup
	roomPlan
	roomRead
	roomRedeem
	roomSend
	roomTally
)

// watch times the rooms that a request passes.
type watch struct {
	on    bool
	in    room
	since time.Time
}

// begin starts the watch in the first room. Of requests that aren't wanted, one in
// 16 is watched: reading the clock eight times costs a hot link more than its
// record. The id is random and so is the choice.
func (w *watch) begin(id *requestID) {
	if id[0] == '0' {
		*w = watch{on: true, since: time.Now()}
	}
}

// enter notes that the request leaves a room for the next one.
func (t *tally) enter(next room) {
	if t.watch.on {
		t.pass(next)
	}
}

// pass is the rest of enter, apart from it so that enter costs a comparison.
func (t *tally) pass(next room) {
	now := time.Now()
	t.edge.metrics.Room(int(t.watch.in), now.Sub(t.watch.since))
	t.watch.in, t.watch.since = next, now
}
