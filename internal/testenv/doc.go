// Package testenv starts the real servers that tests talk to: redis-server,
// PostgreSQL, an S3 gateway and clamd. Each listens on a free loopback port,
// keeps its files in a temporary folder and ends with the test that asked for
// it. Only _test files import this package.
//
// Starting PostgreSQL or the S3 gateway costs more than most tests, so a test
// process has one of each, started at the first call; every call gets a fresh
// database or bucket in it. A package that uses them says who closes them:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// A server that is not installed, does not start or dies unasked fails the test
// with the last lines of the server's log. Nothing is ever skipped.
//
// Servers do not outlive the test process: the kernel kills them when it dies,
// however it dies (see process.live). Only their temporary folders remain then.
package testenv
