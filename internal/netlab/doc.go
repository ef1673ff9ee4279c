// Package netlab makes several hosts of one machine: network namespaces with an
// address each, on one bridge, whose links can be cut, slowed down and made to lose
// packets. It takes root and the kernel's network namespaces; Lab says if they
// aren't to be had. For tests.
package netlab
