// Package testsystem starts whole Rawlinks for tests: the real programs, built
// with the race detector, as processes of their own, configured as an operator
// would. One test then runs over both set-ups, embedded and production.
//
// Programs end with their test, which fails if one of them reported a data race
// or logged a secret.
package testsystem
