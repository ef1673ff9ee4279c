// Package settings is the one place where Rawlink's programs learn how they are
// to run: from flags, then RAWLINK_* variables, then a YAML file, then defaults.
// A setting has one name in three spellings: --edge-max-stale, RAWLINK_EDGE_MAX_STALE,
// and in YAML edge_max_stale or edge: {max_stale: …}.
//
// All mistakes are reported together, each naming the setting and what it takes.
// Names that no program knows are mistakes too. Secrets print as [secret].
package settings
