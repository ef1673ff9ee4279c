// Package objects is where bytes live: Local keeps them in a directory, S3 in a
// bucket of any server that speaks the S3 protocol. Both keep the contract that
// Store writes down; one test suite runs over both.
//
// Bytes come in through presigned URLs, straight from the client, or by Put, from
// this process; every read is pinned to one version of an object. The package
// knows nothing of tenants, shares or quotas, and keeps no bytes in memory: an
// upload or download costs a buffer of fixed size.
//
// Failures are share errors. Their text never contains a signature, a secret or a
// presigned URL, nor the key of an object.
package objects
