package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// CopyLocal copies one object, byte for byte and with its checksum, from the
// directory of one Local to that of another, while the first is in use. An object
// that is there already is not copied again: under one key bytes never change.
// copied is its size in the directory, or 0 if nothing had to be done. Errors:
// fs.ErrNotExist if there is no such object.
func CopyLocal(ctx context.Context, from, to, key string) (copied int64, err error) {
	source, err := os.Open((&Local{cfg: LocalConfig{Dir: from}}).path(key))
	if err != nil {
		return 0, bare(err)
	}
	defer func() { _ = source.Close() }()
	stat, err := source.Stat()
	if err != nil {
		return 0, bare(err)
	}
	target := (&Local{cfg: LocalConfig{Dir: to}}).path(key)
	if have, err := os.Stat(target); err == nil && have.Size() == stat.Size() {
		return 0, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return 0, bare(err)
	}
	draft, err := os.CreateTemp(filepath.Dir(target), ".draft-*") // 0600 by itself
	if err != nil {
		return 0, bare(err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	copied, err = io.Copy(draft, contextReader{ctx, source})
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), target)
	}
	if err != nil {
		return 0, bare(err)
	}
	return copied, syncDir(filepath.Dir(target))
}

// contextReader ends reading when its context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// bare leaves paths out of an error.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("copy object: %s: %w", path.Op, path.Err)
	}
	return fmt.Errorf("copy object: %w", err)
}
