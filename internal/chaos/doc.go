// Package chaos tries to break Rawlink: it runs the real programs, three edges and
// two origins, on real servers, lets a crowd of clients at them, and kills, cuts,
// freezes and lies meanwhile. `make chaos` runs it; its scenarios carry the build
// tag chaos, so that `go test ./...` does not.
//
// The judge is Oracle. It counts what clients received, byte by byte, and trusts
// no counter of ours.
//
// Every choice that a scenario makes comes from a seed, which is printed. The same
// seed gives the same plan; what the machine makes of the plan differs from run to
// run, so a failure may take a few runs of its seed to come back.
package chaos
