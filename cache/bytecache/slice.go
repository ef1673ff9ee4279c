package bytecache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path/filepath"
	"strconv"
	"strings"
)

// key names a slice: which bytes of which content. Offset and size are part of
// it, so that slices cut under another SliceSize are other slices.
type key struct {
	object     [sha256.Size]byte // hash of the object's ID
	from, size int64             // of the slice within the object
}

func hashID(id string) [sha256.Size]byte { return sha256.Sum256([]byte(id)) }

// sliceAt returns the slice that holds the byte at pos. A small object is one.
func (c *Cache) sliceAt(o Object, hash [sha256.Size]byte, pos int64) key {
	if c.small(o) {
		return key{object: hash, size: o.Size}
	}
	from := pos - pos%c.cfg.SliceSize
	return key{object: hash, from: from, size: min(c.cfg.SliceSize, o.Size-from)}
}

// fingerprint stands for the key where a mix-up costs nothing.
func (k key) fingerprint() uint64 {
	return binary.LittleEndian.Uint64(k.object[:]) ^ uint64(k.from)*0x9e3779b97f4a7c15 //nolint:gosec // an offset
}

const sliceSuffix = ".slice"

// path says where under a directory the slice lives. The name says what the
// index needs to know, so that a start doesn't have to look into each file.
func (k key) path(dir string) string {
	name := hex.EncodeToString(k.object[:])
	return filepath.Join(dir, name[:2], name+"-"+strconv.FormatInt(k.from, 16)+"-"+strconv.FormatInt(k.size, 16)+sliceSuffix)
}

// parseName is the inverse of path, of its last element.
func parseName(name string) (k key, ok bool) {
	rest, ok := strings.CutSuffix(name, sliceSuffix)
	parts := strings.Split(rest, "-")
	if !ok || len(parts) != 3 || len(parts[0]) != hex.EncodedLen(len(k.object)) {
		return k, false
	}
	_, err := hex.Decode(k.object[:], []byte(parts[0]))
	from, errFrom := strconv.ParseInt(parts[1], 16, 64)
	size, errSize := strconv.ParseInt(parts[2], 16, 64)
	k.from, k.size = from, size
	return k, err == nil && errFrom == nil && errSize == nil && from >= 0 && size > 0 &&
		filepath.Base(k.path("")) == name // one spelling only
}
