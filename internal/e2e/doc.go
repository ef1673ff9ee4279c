// Package e2e holds the end-to-end tests: whole Rawlinks as processes, driven
// over HTTP as partners and users do. Every flow runs over both set-ups.
package e2e
