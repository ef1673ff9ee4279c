package share

// kinds are the kinds' names, for people who look at traces.
var kinds = [...]string{
	Internal: "internal", Invalid: "invalid", NotFound: "not found", Gone: "gone", NotReady: "not ready", Changed: "changed",
	NotSatisfiable: "not satisfiable", Unavailable: "unavailable", Overloaded: "overloaded", Conflict: "conflict",
	OverQuota: "over quota", Locked: "locked",
}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "unknown"
}
