package store

import "context"

type onlyIfKey struct{}

// OnlyIf makes the change that ctx is used for depend on what it is made of: allow is
// asked within the change's transaction, with the thing locked as it is, and its error
// ends both. A change that finds itself done already asks nobody (RFC 9110, 13.1.1).
func OnlyIf[T any](ctx context.Context, allow func(T) error) context.Context {
	return context.WithValue(ctx, onlyIfKey{}, allow)
}

// allowed asks whoever made the change depend on it. thing must be locked.
func allowed[T any](ctx context.Context, thing T) error {
	if allow, ok := ctx.Value(onlyIfKey{}).(func(T) error); ok {
		return allow(thing)
	}
	return nil
}
