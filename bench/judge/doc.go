// Package judge says whether what a deployment answered is what it promises:
// exact bytes, exact ranges, the contract's headers, caps, nothing after a
// revocation's bound. One violation voids a run, for figures of wrong answers are
// worth nothing.
//
// It knows shares by their ids only: no example that it keeps holds a token.
package judge
