// Package model works out what a deployment far larger than one machine needs,
// from costs that were measured on one: links, requests, edges in; memory,
// commands, bytes and money out, each with its formula, so that a reader may
// disagree with a number and put in another.
//
// Its formulas for Redis are checked against a simulation: fifty edges in one
// process with a real Redis (TestModelAgreesWithFiftyEdges in cmd/bench).
package model
