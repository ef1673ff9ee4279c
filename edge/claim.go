package edge

import (
	"hash/maphash"
	"sync/atomic"

	"rawlink/internal/share"

	"github.com/valyala/fasthttp"
)

// claim returns what the token says once its keyed tag is checked: the hash
// under which its share is known. It is not yet believed about the present. A
// guessed token costs this one keyed hash, compared in constant time, and is
// refused in the same words as a share that never existed.
func claim(keys *share.Keyring, token share.Token) (share.Hash, error) {
	if !keys.Verify(string(token)) {
		return share.Hash{}, errNotFound
	}
	return share.HashToken(string(token)), nil
}

// claimed is a token whose tag was checked. Tag and hash are functions of the
// token alone, so they are right for as long as the keys are the same.
type claimed struct {
	token [share.TokenLen]byte
	hash  share.Hash
	ready atomic.Pointer[ready]
}

// ready is the prepared header of a good answer: for this very record, with bytes
// from where they came from when it was prepared.
type ready struct {
	known  *known
	timing string
	header *fasthttp.ResponseHeader
}

// claims remembers the tokens that are asked for again and again: each has one
// place, where the latest comer stands. It saves two hashes and the rendering of
// some twenty headers, and takes some 4 KiB a place. Safe for concurrent use.
type claims struct {
	seed   maphash.Seed
	places [4096]atomic.Pointer[claimed]
}

// claim is the room: what is remembered of the token, or the check.
func (e *Edge) claim(token *[share.TokenLen]byte) (*claimed, error) {
	place := &e.claims.places[maphash.Bytes(e.claims.seed, token[:])%uint64(len(e.claims.places))]
	if c := place.Load(); c != nil && c.token == *token {
		return c, nil
	}
	hash, err := claim(e.keys, share.Token(token[:]))
	if err != nil {
		return nil, err
	}
	c := &claimed{token: *token, hash: hash}
	place.Store(c)
	return c, nil
}

// prepared returns the header of such an answer if one is kept.
func (c *claimed) prepared(k *known, timing string) *fasthttp.ResponseHeader {
	if r := c.ready.Load(); r != nil && r.known == k && r.timing == timing {
		return r.header
	}
	return nil
}

// keep keeps a header for answers to come.
func (c *claimed) keep(k *known, timing string, h *fasthttp.ResponseHeader) {
	c.ready.Store(&ready{k, timing, h})
}
