// Package settings is the one place where Rawlink's programs learn how they are
// to run: from flags, then RAWLINK_* variables, then a YAML file, then defaults.
// A setting has one name in three spellings: --edge-max-stale, RAWLINK_EDGE_MAX_STALE,
// and in YAML edge_max_stale or edge: {max_stale: …}. What a single command is to do is
// no setting, and only a flag.
//
// All mistakes are reported together, each naming the setting and what it takes.
// Names that no program knows are mistakes too. Secrets print as [secret]; each can
// also be read from a file, which RAWLINK_…_FILE, …_file in YAML, or a value that
// begins with @ names, and a program that stays takes none from its command line.
package settings
