// Package session is one load run from its first check to its last clean-up:
// see that the target is what it should be, seed, warm up, scrape, measure, scrape
// again, judge, and remove what was seeded, whatever happened in between.
package session
