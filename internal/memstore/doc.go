// Package memstore is redisstore's twin for one process: the record cache,
// the rate limits, and the bus between an origin and the edges beside it. Package
// storecontract says what both do; ledger.Leases is the third twin.
//
// Nothing here fails, waits for I/O, starts a goroutine or survives the process.
// Memory is bounded by Config.MaxRecords and by the limit of NewLimits.
package memstore
