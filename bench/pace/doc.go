// Package pace says when each request of an open-loop run is to start, ahead of
// time and whatever the answers do. That is what keeps a slow server from slowing
// its own measurement (coordinated omission): a request that could not start when
// it was due still counts from then.
//
// A Plan is pure: the same seed gives the same instants. A Clock sleeps until them.
package pace
