package share

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strconv"
	"strings"
	"sync"
)

// The token's layout, 27 bytes, base64url without padding. 27 is a multiple of
// three, so the text form has no spare bits and each token has one spelling.
//
//	version 1 | key id 1 | random 16 | tag 9
const (
	tokenVersion = 1
	randomSize   = 16
	tagSize      = 9
	headSize     = 2 + randomSize
	tokenBytes   = headSize + tagSize

	// TokenLen is the length of a token in characters.
	TokenLen = tokenBytes / 3 * 4
	// KeySize is the length in bytes of a tag key and of a mint secret.
	KeySize = 32
)

// Token is the credential in a raw link. It is shown once, at creation; printing
// or logging the value shows a placeholder. Use string(t) to spell it out.
type Token string

// String hides the token from fmt.
func (Token) String() string { return "[token]" }

// GoString hides the token from %#v.
func (Token) GoString() string { return "[token]" }

// LogValue hides the token from slog.
func (Token) LogValue() slog.Value { return slog.StringValue("[token]") }

// Hash is the SHA-256 of a token's text: the only form in which a token is
// stored, cached between processes, or sent to another machine.
type Hash [sha256.Size]byte

// HashToken returns the hash under which the token is stored.
func HashToken(token string) Hash {
	var text [TokenLen]byte // on the stack, as []byte(token) would not be
	if len(token) != len(text) {
		return sha256.Sum256([]byte(token))
	}
	copy(text[:], token)
	return sha256.Sum256(text[:])
}

// String returns the hash in hex. It is not a secret: it opens nothing.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads the hex form of a token hash.
func ParseHash(s string) (Hash, error) {
	var h Hash
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(h) {
		return h, errors.New("token hash: want 64 hex digits")
	}
	copy(h[:], raw)
	return h, nil
}

// Keyring makes and checks the keyed tag of tokens. The first key seals new
// tokens, all keys verify, so a key rotates by being put in front of its
// predecessor. Safe for concurrent use.
type Keyring struct {
	current byte
	keys    map[byte]*tagKey
}

type tagKey struct{ pool sync.Pool }

// tagger is one keyed hash with the buffers it works on: what is handed to a
// hash.Hash would otherwise be allocated anew for every token.
type tagger struct {
	hash hash.Hash
	raw  [tokenBytes]byte
	sum  [sha256.Size]byte
}

func newTagKey(secret []byte) *tagKey {
	k := &tagKey{}
	k.pool.New = func() any { return &tagger{hash: hmac.New(sha256.New, secret)} }
	return k
}

// tag returns the tag that belongs to the head of a token.
func (k *tagKey) tag(token [tokenBytes]byte) (tag [tagSize]byte) {
	t := k.pool.Get().(*tagger)
	t.raw = token
	t.hash.Reset()
	t.hash.Write(t.raw[:headSize])
	copy(tag[:], t.hash.Sum(t.sum[:0]))
	k.pool.Put(t)
	return tag
}

// ParseKeyring reads "id:hex,id:hex": ids 1..255, keys of KeySize bytes in hex,
// the sealing key first. Errors never repeat a key.
func ParseKeyring(text string) (*Keyring, error) {
	ring := &Keyring{keys: map[byte]*tagKey{}}
	for i, part := range strings.Split(text, ",") {
		id, secret, ok := strings.Cut(strings.TrimSpace(part), ":")
		n, err := strconv.ParseUint(id, 10, 8)
		if !ok || err != nil || n == 0 {
			return nil, fmt.Errorf("token key %d: want ID:HEX with an id from 1 to 255", i+1)
		}
		raw, err := hex.DecodeString(secret)
		if err != nil || len(raw) != KeySize {
			return nil, fmt.Errorf("token key %d: want %d hex digits after the id", i+1, 2*KeySize)
		}
		if _, twice := ring.keys[byte(n)]; twice {
			return nil, fmt.Errorf("token key %d: id %d is used twice", i+1, n)
		}
		if i == 0 {
			ring.current = byte(n)
		}
		ring.keys[byte(n)] = newTagKey(raw)
	}
	return ring, nil
}

// NewKey returns a fresh random key in hex, fit for ParseKeyring or ParseMint.
func NewKey() string {
	var raw [KeySize]byte
	_, _ = rand.Read(raw[:]) // never fails, see crypto/rand
	return hex.EncodeToString(raw[:])
}

// Seal returns the token that carries the given random part.
func (r *Keyring) Seal(random [randomSize]byte) Token { return r.sealWith(r.current, random) }

func (r *Keyring) sealWith(id byte, random [randomSize]byte) Token {
	var raw [tokenBytes]byte
	raw[0], raw[1] = tokenVersion, id
	copy(raw[2:], random[:])
	tag := r.keys[id].tag(raw)
	copy(raw[headSize:], tag[:])
	return Token(base64.RawURLEncoding.EncodeToString(raw[:]))
}

// Verify reports whether the token was sealed by one of the ring's keys. It
// costs at most one keyed hash, compares in constant time and does no I/O, so a
// guessed token never reaches a cache or a store.
func (r *Keyring) Verify(token string) bool {
	if len(token) != TokenLen {
		return false
	}
	var text [TokenLen]byte
	copy(text[:], token)
	var raw [tokenBytes]byte
	if _, err := base64.RawURLEncoding.Decode(raw[:], text[:]); err != nil || raw[0] != tokenVersion {
		return false
	}
	key := r.keys[raw[1]]
	if key == nil {
		return false
	}
	tag := key.tag(raw)
	return subtle.ConstantTimeCompare(tag[:], raw[headSize:]) == 1
}

// TokenKey is the id of the key that a token says it was sealed by; 0 if it is no
// token. What it says is to be believed only once Verify agrees.
func TokenKey(token string) int {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != tokenBytes || raw[0] != tokenVersion {
		return 0
	}
	return int(raw[1])
}

// Mint derives the random part of a share's token from the share's id and a
// secret that only the origin holds. Deriving instead of drawing lets a
// replayed creation answer with the same link although only the token's hash is
// stored; without the secret the 128 bits are indistinguishable from random.
type Mint struct{ secret []byte }

// ParseMint reads a mint secret: KeySize bytes in hex.
func ParseMint(text string) (*Mint, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != KeySize {
		return nil, fmt.Errorf("mint secret: want %d hex digits", 2*KeySize)
	}
	return &Mint{secret: raw}, nil
}

// Key derives a secret for one purpose of the origin's own. Knowing it tells
// nothing of any token or of another purpose's key.
func (m *Mint) Key(purpose string) [KeySize]byte {
	h := hmac.New(sha256.New, m.secret)
	h.Write([]byte("rawlink key v1\x00" + purpose))
	return [KeySize]byte(h.Sum(nil))
}

// Token returns the token of the share with this id, sealed by the ring.
func (m *Mint) Token(ring *Keyring, shareID string) Token { return ring.Seal(m.random(shareID)) }

// TokenOf returns the token of the share with this id that has this hash, by
// whichever key of the ring it was sealed, and false if by none of them.
func (m *Mint) TokenOf(ring *Keyring, shareID string, hash Hash) (Token, bool) {
	random := m.random(shareID)
	for id := range ring.keys {
		if token := ring.sealWith(id, random); HashToken(string(token)) == hash {
			return token, true
		}
	}
	return "", false
}

func (m *Mint) random(shareID string) [randomSize]byte {
	h := hmac.New(sha256.New, m.secret)
	h.Write([]byte("rawlink token v1\x00" + shareID))
	return [randomSize]byte(h.Sum(nil)[:randomSize])
}
