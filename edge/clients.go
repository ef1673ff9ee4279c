package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/maphash"
	"net/netip"
	"sync"

	"rawlink/internal/ledger"
)

// clients turns a client into a name that says nothing about it without a key.
type clients struct {
	key  []byte       // the same on all edges
	seed maphash.Seed // of this process

	keyed sync.Pool // of hash.Hash under key: setting one up costs as much as using it
}

// name returns the client's name. Where other edges must know it, it is a keyed
// hash under the common key; elsewhere a seeded one does, at a tenth of the cost.
func (c *clients) name(addr netip.Addr, agent []byte, common bool) ledger.Client {
	at := identity(addr).As16()
	if common {
		return c.common(at, agent)
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.Write(at[:]) // never fails, see hash/maphash
	_, _ = h.Write(agent)
	var name ledger.Client
	binary.LittleEndian.PutUint64(name[:], h.Sum64())
	return name
}

// address returns a name for the address alone, the same on all edges.
func (c *clients) address(addr netip.Addr) string {
	name := c.common(identity(addr).As16(), nil)
	return hex.EncodeToString(name[:16])
}

func (c *clients) common(at [16]byte, agent []byte) (name ledger.Client) {
	h, ok := c.keyed.Get().(hash.Hash)
	if !ok {
		h = hmac.New(sha256.New, c.key)
	}
	h.Reset()
	h.Write(at[:])
	h.Write(agent)
	copy(name[:], h.Sum(nil))
	c.keyed.Put(h)
	return name
}
