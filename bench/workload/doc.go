// Package workload is what a load run asks for: one file per kind of load. Each
// says what it needs seeded, and makes workers that the driver sets going. All
// share one client, which sends, judges and classifies.
package workload
