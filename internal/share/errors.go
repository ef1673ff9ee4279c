package share

import (
	"context"
	"errors"
)

// Kind is what a failure means to whoever asked. What a client sees is a
// function of the kind alone; the wrapped error is for the log.
type Kind uint8

// The kinds. Append only.
const (
	Internal       Kind = iota // a defect, or anything nobody classified
	Invalid                    // the request can't be accepted as it is
	NotFound                   // absent, or another tenant's
	Gone                       // was there and has ended: revoked, expired, used up
	NotReady                   // there, but its state forbids it now: not scanned clean
	Changed                    // another version of the object than the one asked for
	NotSatisfiable             // a span outside the object
	Unavailable                // a needed part is down; try again
	Overloaded                 // refused to protect the rest; try again later
	Conflict                   // contradicts what is stored, such as a non-empty space
	OverQuota                  // the tenant's pool of bytes or links is used up
	Locked                     // asks for a password, and none or a wrong one came
)

// Error is a failure with its kind. Op says what was being done, verb first.
type Error struct {
	Kind Kind
	Op   string
	Err  error // nil where the kind says it all
}

// E returns an error of this kind.
func E(kind Kind, op string, err error) error { return &Error{Kind: kind, Op: op, Err: err} }

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Op
	}
	return e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// ErrorKind lets KindOf find the kind.
func (e *Error) ErrorKind() Kind { return e.Kind }

// KindOf returns the kind of the outermost error in err's chain that has one. A
// deadline or cancellation that nobody classified is Unavailable; anything else
// is Internal.
func KindOf(err error) Kind {
	var e interface{ ErrorKind() Kind }
	if errors.As(err, &e) {
		return e.ErrorKind()
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}
