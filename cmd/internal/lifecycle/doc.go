// Package lifecycle is what all of Rawlink's long-running programs do alike:
// start with one clear line if they can't, listen, answer the ops listener, and
// stop within the grace when they are told to.
package lifecycle
