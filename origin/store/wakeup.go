package store

// wakeup tells workers of this process that a commit gave them something to do.
// Workers of other processes find it by polling.
type wakeup chan struct{}

// rings is how many workers one burst can wake.
const rings = 16

func newWakeup() wakeup { return make(wakeup, rings) }

func (w wakeup) ring() {
	select {
	case w <- struct{}{}:
	default: // enough have been rung for
	}
}
