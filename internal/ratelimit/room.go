package ratelimit

// MakeRoom drops the windows that are over, and then others until there are half of
// most at the most, so that the next call is far away.
func MakeRoom[K comparable, W any](windows map[K]W, most int, over func(W) bool) {
	for key, w := range windows {
		if over(w) {
			delete(windows, key)
		}
	}
	for key := range windows { // in an order that varies, which is all we need
		if len(windows) <= most/2 {
			return
		}
		delete(windows, key)
	}
}
