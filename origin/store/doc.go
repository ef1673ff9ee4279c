// Package store keeps the origin's truth in SQL: tenants, keys, spaces, folders,
// files, uploads, shares, and the outbox that carries changes to the edges.
//
// Each exported method is one transaction: it checks, changes, adjusts the quota
// and writes the outbox together, or does nothing. A tenant's id is part of every
// statement, so another tenant's row is never found rather than refused.
//
// Lock order within a transaction: tenant, then space, folder, file, share.
// Failures that a client may read are *Refusal; anything else is internal.
package store
