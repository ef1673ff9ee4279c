package share

// Ask asks the ceiling of a capped share for downloads, on behalf of one edge
// process. Edge and Seq together name it: asking again with both the same gets
// the same answer, so an ask whose answer was lost may be repeated.
type Ask struct {
	Edge  string `json:"edge"`            // the process: drawn anew at each start
	Seq   int64  `json:"seq"`             // grows with every ask of the process
	N     int64  `json:"n"`               // requests that wait, ≥ 1
	Spent string `json:"spent,omitempty"` // a block that was found used up or lost
	Block bool   `json:"block,omitempty"` // the edge can install a block where all edges see it
	// Return gives downloads back, instead of asking for some: N is 0. They were
	// granted directly, under the cap of this epoch, and nobody was served.
	Return int64 `json:"return,omitempty"`
	Epoch  int64 `json:"epoch,omitempty"`
}

// Grant is the ceiling's answer.
type Grant struct {
	Downloads int64  `json:"downloads"`           // for those who wait; ≤ N
	Exhausted bool   `json:"exhausted,omitempty"` // after these, none is left anywhere
	Epoch     int64  `json:"epoch"`               // of the cap they were taken under
	Block     Block  `json:"block,omitzero"`      // to be installed, once; zero: none
	Open      string `json:"open,omitempty"`      // the block that is open already: more may be in it, and with no Downloads all that is left
}

// Block is a number of downloads of one share, taken from its ceiling at once,
// to be handed out by what stores it.
type Block struct {
	ID     string `json:"id"`
	Units  int64  `json:"units"`
	Window int64  `json:"window,omitempty"` // how many an edge may hold beyond those that are waited for
	Epoch  int64  `json:"epoch"`            // of the share's cap; see Record.CapEpoch
}

// Use is what became of the downloads that one edge process took from a block.
// Both numbers only grow, so reports may come twice, late and in any order.
type Use struct {
	Block    string `json:"block"`
	Edge     string `json:"edge"`
	Served   int64  `json:"served"`
	Returned int64  `json:"returned,omitempty"` // never served, and never will be
}
