// Package ledger takes downloads of capped shares, exactly, and keeps the
// leases that let a client fetch the rest of a copy it has been counted for.
//
// # Exactly
//
// The origin's database holds the ceiling of each capped share: how many
// downloads were ever given out, at most its cap. What a ceiling gives is given
// once, whatever happens to it: straight to requests that wait, or as a block,
// which is stored where all edges take from it (Blocks). A block is fenced: in
// another history of the data than the one it was installed in, such as that of
// a stale replica which was promoted, it gives nothing. A block that is lost or
// fenced is given up, never restored. So what is handed out never passes the
// cap, and what a crash can lose is at most what a block and the windows of the
// edges hold (see BlockSize); links with small caps have none.
//
// Each edge has one Redeemer. All its requests that wait for one share go in one
// question. A question that may or may not have been answered is asked again
// with the same number until it is, for RepeatedFor, and gets the same answer: a lost
// reply loses nothing while the process lives and can ask again within that time.
package ledger
