// Package redisstore keeps in Redis what edges and origins share: records (the
// second cache level), the bus that tells edges what changed, and leases. It is
// the only package that knows the Redis driver; memstore is its twin for a
// single process, and package storecontract says what both do.
//
// # Trust
//
// Redis is fast and forgets. A flush, an eviction or a restart loses data; a
// fail-over may bring an older state back. Nothing here is a source of truth:
//
//   - A record is stamped with the data set's history (master_replid, which
//     changes at every promotion and restart) and answers only within it, so a
//     record that a stale replica still holds reads as absent.
//   - Each bus entry names its predecessor and the history, so a listener sees
//     every loss and drops all it knows (see Bus).
//   - A lost lease costs its client one more download; a resurrected one gives
//     back bytes of its budget, never a download.
//   - A lost count begins its client's window anew.
//
// Where a Redis refuses INFO inside scripts the history reads as "", and
// fail-over to a stale replica goes unnoticed until records expire.
//
// # Single, Sentinel, Cluster
//
// All three work alike. Every script has one key, or keys with one hash tag, so a
// Cluster may spread the rest. Sentinels are asked for the primary at each new
// connection. Where a call may not run twice, a Cluster's client follows
// redirections, which executed nothing, and repeats nothing else (see once).
//
// # Failure
//
// Every failure is share.Unavailable, except for a caller's mistake (Invalid).
// Texts name no address, user or password, and the driver's own log, which
// would, is turned off for the process. Calls wait for at most a few hundred
// milliseconds, and no call is repeated that is not harmless to repeat.
package redisstore
