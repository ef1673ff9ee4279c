// Package edge is the data plane: it answers GET /s/<token> with the bytes of
// the share's file, or says why not. It links no database and no store; what it
// needs of them it declares as small interfaces that the program fills in.
//
// # The path of one request
//
// Eight rooms, one file each, called once each and in order by serve in edge.go:
//
//	admit    method, target, limits; nothing borrowed from fasthttp gets past it
//	claim    the token's keyed tag, before anything is looked up
//	lookup   the share's record, and whether it may be served now
//	plan     HTTP: preconditions and ranges, as a pure function
//	read     the first bytes, so that a store's failure still gets a status
//	redeem   a capped share's download, or the lease that makes one unnecessary
//	send     headers and exactly Content-Length bytes, or a broken connection
//	tally    counters and one log line, when the outcome is known
//
// Nothing touches the network before claim and no bytes before lookup; nothing
// is decided after plan; after redeem nothing can fail but the socket.
//
// The other files are furniture: ranges, conditions, headers, proxies, the
// server and the pages that explain a refusal.
//
// # Secrets
//
// A token never leaves admit and claim: beyond them the share is known by its
// hash and id. No log line, metric or error carries a token or a request path.
package edge
