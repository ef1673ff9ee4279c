// Package ratelimit holds the words in which requests are rationed: budgets,
// and where a client stands in one. Package redisstore counts for all origins,
// memstore for a single process; storecontract says what both do.
package ratelimit
