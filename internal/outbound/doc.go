// Package outbound speaks HTTP to places that strangers name: sources of imports
// and receivers of webhooks. A stranger's URL must not reach what only this
// machine or its network can reach.
//
// The one place where that is decided is the connection itself: a Guard looks at
// each resolved address when the socket is about to connect. What a name meant a
// moment earlier doesn't matter, so a name that changes its address (DNS
// rebinding), a redirect, and an address in disguise all end there. Proxies of
// the environment are not used, for behind one the address would be the proxy's.
//
// What is not followed is a *Refusal, whose text is made for whoever named the
// URL. It never says what an address was or what answered there.
package outbound
