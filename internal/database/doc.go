// Package database opens the two SQL engines of Rawlink, SQLite for the embedded
// default and PostgreSQL for production, behind one DB that runs the same $n
// statements on both. It is the only importer of SQL drivers. It knows nothing
// of tables: migrations and statements belong to origin/store.
//
// Errors come back as the driver made them, wrapped; IsUnique names the one kind
// that callers decide on. All methods are safe for concurrent use.
package database
