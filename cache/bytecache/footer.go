package bytecache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A slice's file is its bytes from offset 0, so that they can be sent from the
// file as they are, and a footer:
//
//	8  magic                    8  offset in the object
//	32 hash of the object's ID  8  length
//	8  checksum of the bytes    8  checksum of the footer so far
//
// Nothing is synced. After a crash a file may be short, or hold zeros where its
// bytes should be; the checksum tells, at no cost while filling.
const (
	footerSize  = 72
	footerMagic = "RAWSLC\x00\x01"
)

var errDamaged = errors.New("slice is damaged")

// sum is a 64-bit checksum: two CRCs of different polynomials, which together
// detect what a CRC of their product does. Both run at memory speed on today's
// processors, where a cryptographic hash would cost ten times as much. It is a
// guard against broken disks and torn writes; who may write to the directory
// could recompute any checksum.
type sum struct{ castagnoli, ieee uint32 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *sum) add(p []byte) {
	s.castagnoli = crc32.Update(s.castagnoli, castagnoli, p)
	s.ieee = crc32.Update(s.ieee, crc32.IEEETable, p)
}

func (s *sum) value() uint64 { return uint64(s.castagnoli)<<32 | uint64(s.ieee) }

// footer returns the footer of a slice whose bytes have the checksum.
func (k key) footer(bytes uint64) []byte {
	p := make([]byte, 0, footerSize)
	p = append(p, footerMagic...)
	p = append(p, k.object[:]...)
	p = binary.LittleEndian.AppendUint64(p, bytes)
	p = binary.LittleEndian.AppendUint64(p, uint64(k.from)) //nolint:gosec // an offset
	p = binary.LittleEndian.AppendUint64(p, uint64(k.size)) //nolint:gosec // an offset
	var own sum
	own.add(p)
	return binary.LittleEndian.AppendUint64(p, own.value())
}

// readFooter returns the checksum that the file claims for its bytes, if the
// file has the slice's length and a footer that is the slice's own.
func readFooter(f *os.File, k key, length int64) (uint64, error) {
	if length != k.size+footerSize {
		return 0, fmt.Errorf("%w: length %d", errDamaged, length)
	}
	var p [footerSize]byte
	if _, err := f.ReadAt(p[:], k.size); err != nil {
		return 0, fmt.Errorf("%w: read footer: %w", errDamaged, err)
	}
	claimed := binary.LittleEndian.Uint64(p[len(footerMagic)+len(k.object):])
	if string(p[:]) != string(k.footer(claimed)) {
		return 0, fmt.Errorf("%w: footer", errDamaged)
	}
	return claimed, nil
}

// verify reads the slice and compares its checksum.
func verify(f *os.File, k key, claimed uint64) error {
	p := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(p)
	var s sum
	for at := int64(0); at < k.size; {
		n, err := f.ReadAt(p[:min(bufferSize, k.size-at)], at)
		s.add(p[:n])
		at += int64(n)
		if err != nil && at < k.size {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	if s.value() != claimed {
		return fmt.Errorf("%w: checksum", errDamaged)
	}
	return nil
}

// stamp changes whenever the file system changes the file's bytes, or puts
// another file in its place.
type stamp struct {
	device, inode, size uint64
	modified, changed   unix.Timespec
}

// clockTick is more than the granularity of a file system's clock: within it,
// two changes may bear the same time.
const clockTick = 50 * time.Millisecond

func stampOf(f *os.File) (stamp, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return stamp{}, &os.PathError{Op: "fstat", Path: "slice", Err: err}
	}
	return stamp{s.Dev, s.Ino, uint64(s.Size), s.Mtim, s.Ctim}, nil //nolint:gosec // an offset
}

// settled reports whether a later change would bear another time.
func (s stamp) settled() bool { return time.Since(time.Unix(s.changed.Unix())) > clockTick }
