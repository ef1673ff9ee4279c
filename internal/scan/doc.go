// Package scan decides whether stored bytes may ever be served. A Scanner reads
// content once and gives a verdict; Inspect runs one together with the digest
// and the type sniffer, in a single pass whose memory does not grow with the
// file.
//
// The rule of the package: nothing but an explicit "clean", said about every
// byte of the content, is clean. Whatever else happens (a limit, a fault, half
// an answer, an answer nobody knows) is an error, and an error is no verdict:
// the file stays pending. The error's kind says what to do about it:
//
//   - share.Unavailable: try again later.
//   - share.Invalid: this content can't be scanned here, however often one
//     tries; an operator has to look. The text says why and is made for them.
//   - share.Internal: a scanner broke its contract.
//
// Errors of the content's reader keep the kind they have, and are Unavailable
// if they have none. The package knows no share, no database and no queue.
package scan
