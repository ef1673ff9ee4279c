package store

import (
	"context"

	"github.com/google/uuid"
)

// newID returns a fresh row id. Version 7 ids grow with time, which keeps the
// indexes compact; they are not secret.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

type idKey struct{}

// WithID names the id of what a request is to make. If a thing of the tenant
// with this id is there already, an earlier try of the same request made it, and
// it is returned instead of a second one.
func WithID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// reservedID returns the id for what is to be made, and whether an earlier try
// may have made it.
func reservedID(ctx context.Context) (id string, repeated bool) {
	if id, ok := ctx.Value(idKey{}).(string); ok {
		return id, true
	}
	return newID(), false
}

// madeBefore looks for what an earlier try made, if there may have been one.
func madeBefore[T any](repeated bool, find func() (T, error)) (thing T, found bool, err error) {
	if !repeated {
		return thing, false, nil
	}
	thing, err = find()
	if isNotFound(err) {
		return thing, false, nil
	}
	return thing, err == nil, err
}
