// Package storecontract is the contract of what origins and edges share, as
// tests: a function for each part, which every implementation's own tests call
// with a way to open a fresh one.
package storecontract
