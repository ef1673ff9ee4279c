package objects

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rawlink/internal/share"
)

// A stored file is the object's bytes from offset 0, then a footer:
//
//	sha256 of the bytes 32 | their number 8, big-endian | magic 8
//
// One file, renamed into place once it is whole and synced, is the whole truth
// about an object: there is no second write that a crash could separate from the
// first, a reader that has the file open has bytes and version from one moment,
// and a file that was cut is seen to be.
const (
	footerMagic = "rawlink1"
	footerSize  = sha256.Size + 8 + len(footerMagic)
)

// stored is an open file with its footer read; the offset is at 0.
type stored struct {
	*os.File
	size     int64
	etag     string // sha256 in hex
	modified time.Time
}

// openStored opens a stored file: share.NotFound if there is none.
func openStored(path string) (*stored, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, share.E(share.NotFound, "open object", nil)
	}
	if err != nil {
		return nil, share.E(share.Unavailable, "open object", err)
	}
	s, err := readFooter(file)
	if err != nil {
		_ = file.Close()
		return nil, share.E(share.Unavailable, "open object", err)
	}
	return s, nil
}

func readFooter(file *os.File) (*stored, error) {
	stat, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := stat.Size() - int64(footerSize)
	var footer [footerSize]byte
	if _, err := file.ReadAt(footer[:], max(size, 0)); err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	digest, rest := footer[:sha256.Size], footer[sha256.Size:]
	if binary.BigEndian.Uint64(rest) != uint64(size) || !bytes.Equal(rest[8:], []byte(footerMagic)) { //nolint:gosec // a negative size matches nothing
		return nil, errors.New("read footer: the file is damaged")
	}
	return &stored{File: file, size: size, etag: hex.EncodeToString(digest), modified: stat.ModTime()}, nil
}

// draft is a stored file being written, under a name that nobody looks at.
type draft struct {
	file *os.File
	hash hash.Hash
	size int64
}

func newDraft(dir string) (*draft, error) {
	file, err := os.CreateTemp(dir, "draft-*")
	if err != nil {
		return nil, err
	}
	return &draft{file: file, hash: sha256.New()}, nil
}

// Write implements io.Writer.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	d.size += int64(n)
	return n, err
}

// seal writes the footer, makes the file durable and returns the ETag.
func (d *draft) seal() (etag string, err error) {
	digest := d.hash.Sum(nil)
	footer := binary.BigEndian.AppendUint64(bytes.Clone(digest), uint64(d.size)) //nolint:gosec // counted up from 0
	if _, err := d.file.Write(append(footer, footerMagic...)); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest), d.file.Sync()
}

// publish gives a sealed draft its name, in place of what had it before.
func (d *draft) publish(path string) error {
	if err := os.Rename(d.file.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// discard ends the draft; after publish it only closes the file.
func (d *draft) discard() {
	_ = d.file.Close()
	_ = os.Remove(d.file.Name())
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// copyBuffer is how much of an upload is in memory at a time.
const copyBuffer = 256 << 10

// pour copies without the shortcuts that would hide the draft's hash.
func pour(d *draft, src io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{d}, struct{ io.Reader }{src}, make([]byte, copyBuffer))
	return err
}
