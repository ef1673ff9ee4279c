package cache

import "context"

// WithValues returns base with the values of another context beside its own. A fill
// ends when the cache says so and not when some client leaves; and yet it is part
// of the trace of the one that began it.
func WithValues(base, values context.Context) context.Context { return both{base, values} }

type both struct {
	context.Context
	values context.Context
}

// Value implements context.Context.
func (b both) Value(key any) any {
	if v := b.Context.Value(key); v != nil {
		return v
	}
	return b.values.Value(key)
}
