package ledger

import (
	"context"
	"time"

	"rawlink/internal/share"
)

// State is what became of a taking from a share's block.
type State uint8

// The states. All but Taken say that the block gives nothing more to whoever
// asked, for good.
const (
	Taken    State = iota // Units are the asker's
	Spent                 // the block is used up
	Missing               // no block is stored
	Fenced                // the block was stored in another history of the data: others may be using it up
	Outdated              // the block was taken under an earlier cap
)

// String returns the state's name, as it stands in metrics.
func (s State) String() string {
	return [...]string{"taken", "spent", "missing", "fenced", "outdated"}[s]
}

// Take asks a share's block for units. Edge and Seq name it: repeated with both
// the same it gets the same answer, as long as the block is there and, for
// RepeatedFor, after others replaced it. A process has
// one Take of a share under way at a time, and repeats it until it is answered.
type Take struct {
	Edge  string
	Seq   int64 // 1, 2, 3, …
	N     int64 // units wanted, ≥ 1; fewer may be given
	Extra int64 // units welcome beyond those, as far as the block's window allows
	Epoch int64 // least epoch of the block
}

// Answer is what a Take gets.
type Answer struct {
	State State
	Block string // whose answer it is; "" if Missing
	Units int64  // of Taken
}

// Blocks stores one block for each share where all edges take from it. Kinds:
// Unavailable, after which a Take or an Install may have happened or not.
type Blocks interface {
	// Take takes units from the share's block.
	Take(ctx context.Context, shareID string, t Take) (Answer, error)
	// Install stores a block in place of none, of the one named replaces, or of
	// one from another history, and reports whether it did. It is never to be
	// repeated: two copies in two histories would be handed out twice.
	Install(ctx context.Context, shareID string, b share.Block, replaces string) (bool, error)
	// Prove returns nil if a block is fenced here: if one that comes back from
	// another history of the data would be recognised. NotReady if not.
	Prove(ctx context.Context) error
}

// Holding is what is stored of a block.
type Holding struct {
	Found bool
	// Live: the block is in the history that it was installed in, so Free units
	// were taken by nobody, and once it is removed never will be. Else they may have
	// been, elsewhere.
	Live bool
	Free int64
	Took []Took
}

// Took is what one edge process took from a block.
type Took struct {
	Edge  string
	Units int64         // in all
	Idle  time.Duration // since the last time
}
