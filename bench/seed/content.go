package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
)

// Content is a file's bytes, made from a number: any part of them can be made
// again, so an answer is compared with what it should be and not with a copy.
type Content struct {
	Seed uint64
	Size int64
}

// word returns the i-th 8 bytes (splitmix64, by Steele, Lea and Flood).
func (c Content) word(i uint64) uint64 {
	z := c.Seed*0x9e3779b97f4a7c15 + (i+1)*0xbf58476d1ce4e5b9
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Fill writes the bytes from an offset on into p.
func (c Content) Fill(p []byte, offset int64) {
	var word [8]byte
	for len(p) > 0 {
		i, skip := offset/8, int(offset%8)
		if skip == 0 && len(p) >= 8 {
			binary.LittleEndian.PutUint64(p, c.word(uint64(i)))
			p, offset = p[8:], offset+8
			continue
		}
		binary.LittleEndian.PutUint64(word[:], c.word(uint64(i)))
		n := copy(p, word[skip:])
		p, offset = p[n:], offset+int64(n)
	}
}

// ReadAt implements io.ReaderAt.
func (c Content) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset >= c.Size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), c.Size-offset))
	c.Fill(p[:n], offset)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// SHA256 returns the digest in hex.
func (c Content) SHA256() string {
	sum := sha256.New()
	_, _ = io.Copy(sum, io.NewSectionReader(c, 0, c.Size)) // neither fails
	return hex.EncodeToString(sum.Sum(nil))
}
