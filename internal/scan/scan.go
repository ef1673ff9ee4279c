package scan

import (
	"context"
	"errors"
	"fmt"
	"io"

	"rawlink/internal/share"
)

// Verdict is what a scanner knows about content that it has seen whole.
type Verdict struct {
	Status    share.ScanStatus // Clean or Infected
	Signature string           // what was found; "" if clean
}

// Scanner reads content and judges it. Implementations are safe for concurrent
// use.
type Scanner interface {
	// Scan reads r to its end and returns a verdict, or an error of the kinds
	// in the package comment. It may stop reading early once it has found an
	// infection, never to call content clean. When ctx ends it returns soon,
	// with an Unavailable error; a blocked Read of r is up to r's owner.
	Scan(ctx context.Context, r io.Reader) (Verdict, error)
	// Name says which scanner this is, in words for an operator.
	Name() string
}

// chunkSize is how much content is read and handed on at a time, in bytes.
const chunkSize = 64 << 10

var clean = Verdict{Status: share.Clean}

func infected(signature string) Verdict {
	return Verdict{Status: share.Infected, Signature: signature}
}

// contentError is the failure of the content's own reader: not the scanner's
// fault, and not known to be final unless the reader said so.
func contentError(err error) error {
	var known *share.Error
	if errors.As(err, &known) {
		return fmt.Errorf("scan: read content: %w", err)
	}
	return share.E(share.Unavailable, "scan: read content", err)
}
