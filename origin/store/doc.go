// Package store keeps the origin's truth in SQL: tenants, keys, spaces, folders,
// files, uploads, shares, and the outbox that carries changes to the edges.
//
// Each exported method is one transaction: it checks, changes, adjusts the quota
// and writes the outbox together, or does nothing. A tenant's id is part of every
// statement, so another tenant's row is never found rather than refused.
//
// Lock order within a transaction: tenant, then upload, space, folder, file, share, block,
// webhook, delivery, and last the clock of purges; of several of a kind, in the order of
// their ids. Queues are taken from with SkipLocked, which waits for nobody. A row that
// names another one locks that against deletion alone (see database.DB.ForUpdate).
// Failures that a client may read are *Refusal; anything else is internal.
package store
