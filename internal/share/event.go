package share

// Event tells edges that what they know about a share may be wrong. It names
// the share by its token's hash and carries the version that made it wrong;
// delivery is at least once and in any order, so a consumer compares versions.
type Event struct {
	Hash    Hash
	Version int64
}

// Batch is a number of uncapped downloads that one edge served, handed to the
// origin to be added to download_count. Edge, Epoch and Seq together name the
// batch: applying it twice changes nothing.
type Batch struct {
	Edge  string           `json:"edge"`  // the edge's configured or generated name
	Epoch string           `json:"epoch"` // drawn anew at each start of the edge process
	Seq   int64            `json:"seq"`   // 1, 2, 3, … within the epoch
	Count map[string]int64 `json:"count"` // share id → downloads, each ≥ 1
}
