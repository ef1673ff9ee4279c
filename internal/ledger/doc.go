// Package ledger takes downloads of capped shares, exactly, and keeps the
// leases that let a client fetch the rest of a copy it has been counted for.
package ledger
