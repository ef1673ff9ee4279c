package share

// Event tells edges that what they know about a share may be wrong. It names
// the share by its token's hash and carries the version that made it wrong;
// delivery is at least once and in any order, so a consumer compares versions.
type Event struct {
	Hash    Hash
	Version int64
}

// Purges is a stretch of the log of purged objects: what an edge that has followed
// the log up to some number is to remove from its caches.
type Purges struct {
	Objects []string `json:"objects,omitempty"` // as ObjectName spells them
	Last    int64    `json:"last"`              // where to go on
	More    bool     `json:"more,omitempty"`    // there may be more behind Last
	Lost    bool     `json:"lost,omitempty"`    // the log doesn't reach back so far: remove all
}

// ObjectName names a file's stored bytes by what they are, not by who links to
// them. Nothing else ever has the same name.
func ObjectName(fileID, version string) string { return fileID + "@" + version }

// Batch is a number of uncapped downloads that one edge served, handed to the
// origin to be added to download_count. Edge, Epoch and Seq together name the
// batch: applying it twice changes nothing.
type Batch struct {
	Edge  string           `json:"edge"`  // the edge's configured or generated name
	Epoch string           `json:"epoch"` // drawn anew at each start of the edge process
	Seq   int64            `json:"seq"`   // 1, 2, 3, … within the epoch
	Count map[string]int64 `json:"count"` // share id → downloads, each ≥ 1
}
