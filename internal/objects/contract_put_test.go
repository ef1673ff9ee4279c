package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/share"
)

func testPut(t *testing.T, l lab) {
	for _, size := range []int{0, 1, 100_000, objects.PutPart - 1, objects.PutPart, objects.PutPart + 1, 2*objects.PutPart + 12345} {
		content := random(size)
		for name, promised := range map[string]int64{"known": int64(size), "unknown": objects.UnknownSize} {
			info, err := l.Put(t.Context(), "t/"+name, "image/png", promised, iotest.HalfReader(bytes.NewReader(content)))
			if err != nil || info.Size != int64(size) || info.ETag == "" || info.SHA256 != "" && info.SHA256 != digest(content) {
				t.Fatalf("%d bytes, %s: %+v, %v", size, name, info, err)
			}
			if head, err := l.Head(t.Context(), "t/"+name); err != nil || head.ETag != info.ETag {
				t.Errorf("%d bytes, %s: Head = %+v, %v; want what Put returned", size, name, head, err)
			}
			if read, err := l.read(t, "t/"+name, info.ETag, 0, info.Size); err != nil || !bytes.Equal(read, content) {
				t.Errorf("%d bytes, %s: read %d, %v; want what was put", size, name, len(read), err)
			}
		}
	}
	for _, c := range []struct {
		key, contentType string
		size             int64
	}{{"", "", 1}, {"a/../b", "", 1}, {"k", "a/b\r\nX: y", 1}, {"k", "", -2}, {"k", "", 1 << 62}} {
		_, err := l.Put(t.Context(), c.key, c.contentType, c.size, strings.NewReader("x"))
		wantKind(t, c.key, err, share.Invalid)
	}
}

// testBrokenPut breaks streams off: what they leave is never taken for whole.
func testBrokenPut(t *testing.T, l lab) {
	torn := errors.New("torn")
	const large = objects.PutPart + 1000
	for _, c := range []struct {
		name string
		size int64
		body io.Reader
		want error // nil: of kind Changed
	}{
		{"short", 12, strings.NewReader("eleven char"), nil},
		{"empty", 12, strings.NewReader(""), nil},
		{"long", 12, strings.NewReader("thirteen char"), nil},
		{"endless", 12, zeros{}, nil},
		{"not empty", 0, strings.NewReader("x"), nil},
		{"torn", 12, io.MultiReader(strings.NewReader("six ch"), iotest.ErrReader(torn)), torn},
		{"torn, of unknown size", objects.UnknownSize, io.MultiReader(strings.NewReader("six ch"), iotest.ErrReader(torn)), torn},
		{"torn in the second part", objects.UnknownSize, io.MultiReader(io.LimitReader(zeros{}, large), iotest.ErrReader(torn)), torn},
	} {
		_, err := l.Put(t.Context(), "k", "", c.size, c.body)
		if c.want == nil {
			wantKind(t, c.name, err, share.Changed)
		} else if !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		}
		if info, err := l.Head(t.Context(), "k"); err == nil && c.want != nil && info.Size == c.size {
			t.Errorf("%s: left %d bytes", c.name, info.Size)
		}
		if err := l.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}

	for _, size := range []int64{1 << 30, objects.UnknownSize} {
		ctx, cancel := context.WithCancel(t.Context())
		body := &tap{Reader: io.LimitReader(zeros{}, 1<<30), at: 2 * objects.PutPart, do: cancel}
		if _, err := l.Put(ctx, "k", "", size, body); !errors.Is(err, context.Canceled) {
			t.Errorf("a Put that was cancelled: %v", err)
		}
		read := body.read
		time.Sleep(10 * time.Millisecond)
		if body.read != read || read > 4*objects.PutPart {
			t.Errorf("a Put that was cancelled read %d bytes, and %d after it returned", read, body.read-read)
		}
		cancel()
	}
}

// tap does something once so much has been read. It is not safe for concurrent
// use, and so has the race detector see a reader that outlives its Put.
type tap struct {
	io.Reader
	read, at int64
	do       func()
}

func (r *tap) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.read += int64(n); r.read >= r.at {
		r.do()
	}
	return n, err
}

func testPutMemory(t *testing.T, l lab) {
	for name, size := range map[string]int64{"known": 96 << 20, "unknown": objects.UnknownSize} {
		allowed := uint64(objects.PutPart + 16<<20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		info, err := l.Put(t.Context(), "large", "", size, io.LimitReader(zeros{}, 96<<20))
		runtime.ReadMemStats(&after)
		if err != nil || info.Size != 96<<20 {
			t.Fatalf("%s: %+v, %v", name, info, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
			t.Errorf("%s: 96 MiB allocated %d MiB; want at most %d", name, used>>20, allowed>>20)
		}
	}
}
