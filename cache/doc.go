// Package cache holds the edge's memory of what it has been told: a bounded,
// typed cache of small records, the clock that says which of them may still be
// believed, and the flights that fill it, one per key.
//
// It does not know what a share is. It never decides an answer: it says hit,
// stale or miss, and why a miss could not be filled.
//
// Correctness never rests on the cache library's Set or Del, which are lossy,
// late and racy. It rests on the Clock: its reading is taken before a fill
// starts, travels with the entry, and is compared on every look-up, so a slow
// fill that raced an invalidation is never believed.
//
// Memory rule: a value handed out is shared by all readers and must not be
// changed, except through atomics of its own.
package cache
