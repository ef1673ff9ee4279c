// Package seed gives a load run something to ask for, as a partner would: through
// the origin's API, with a key. It uploads files whose bytes can be made again at
// any offset, waits until they are clean, mints links, and removes all of it
// afterwards, also after a failure half-way.
//
// Keys and links are credentials: no error of this package spells one out.
package seed
