// Package metrics names every metric of Rawlink in one place: name, type, help
// and labels. Label values are small closed sets; no token, key, path, id or
// address is ever one.
package metrics
