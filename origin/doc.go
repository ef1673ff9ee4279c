// Package origin is the control plane: the REST API that partners use, and the
// work behind it: scanning, relaying changes to the edges, and cleaning up.
//
// One file per resource holds its operations; routes.go lists them all. A
// request passes: request id, log and recovery (server.go), key and scope
// (auth.go), validation (huma, from the struct tags), the operation, and on
// failure errors.go, the one table from kind to status.
//
// The package knows HTTP and the rules of the API. Rows and transactions belong
// to origin/store, bytes to whatever implements Objects, and nothing here knows
// which database, cache or object store runs behind them.
package origin
