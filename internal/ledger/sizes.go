package ledger

// A block's units are lost to the share when Redis loses the block, and a
// window's when its edge is killed. Together they stay within one percent of
// the cap, and links with small caps have neither: each of their downloads is
// taken from the ceiling, and none is ever lost.
const (
	blockShare  = 200  // of the cap: a block is at most a 200th, 0.5 %
	windowShare = 2000 // a window at most a 2000th, so that ten edges may hold one
	windowEnd   = 10   // no windows for the last tenth
	smallBlock  = 8    // fewer units are not worth a block
	largeBlock  = 4096 // more are not needed: a block a second serves any one link
	largeWindow = 256
)

// BlockSize returns the units of the next block of a share with this cap, of
// which rest is not reserved yet; 0: no block, take each from the ceiling.
// Blocks shrink as the cap comes nearer.
func BlockSize(most, rest int64) int64 {
	size := min(most/blockShare, rest/smallBlock, largeBlock)
	if size < smallBlock {
		return 0
	}
	return size
}

// HasBlocks reports whether a share with this cap ever has blocks.
func HasBlocks(most int64) bool { return BlockSize(most, most) > 0 }

// WindowSize returns how many units of such a block one edge may hold beyond
// those that are waited for: none where the cap is near, so that no unit lies at
// one edge when the others find nothing left.
func WindowSize(most, rest int64) int64 {
	if rest < most/windowEnd {
		return 0
	}
	return min(most/windowShare, largeWindow)
}
