package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rawlink/internal/disposition"
	"rawlink/internal/share"
)

// LocalConfig says where a Local keeps its bytes and how clients reach it.
type LocalConfig struct {
	Dir     string       // made if absent; one process at a time may use it
	BaseURL string       // scheme and host that clients see, such as http://127.0.0.1:8080
	Prefix  string       // path under which Handler is mounted, such as /objects
	Secret  []byte       // signs URLs: 32 bytes or more
	Origins []string     // web origins that may PUT and GET from a browser; empty = none
	Log     *slog.Logger // told of failures that are ours, not the client's
}

// Local keeps objects in a directory of one machine: the store of a Rawlink that
// needs nothing installed. Presigned URLs lead to its Handler.
//
// Layout: objects/XX/ holds one file per object, named by the SHA-256 of its key,
// so no key can become a path; uploads/ holds one folder per multipart upload;
// drafts/ holds what isn't whole yet and is emptied by NewLocal.
type Local struct {
	cfg    LocalConfig
	base   string // BaseURL + Prefix
	signer signer
	idle   time.Duration // see idleLimit
}

var _ Store = (*Local)(nil)

// NewLocal opens the store in cfg.Dir and removes what a crash left half-done.
func NewLocal(cfg LocalConfig) (*Local, error) {
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil || base.Scheme == "" || base.Host == "" || strings.Trim(base.Path, "/") != "":
		return nil, errors.New("local store: base URL: want scheme and host")
	case !strings.HasPrefix(cfg.Prefix, "/") || strings.HasSuffix(cfg.Prefix, "/"):
		return nil, errors.New("local store: prefix: want a path that starts and does not end with a slash")
	case len(cfg.Secret) < share.KeySize:
		return nil, fmt.Errorf("local store: secret: want %d bytes or more", share.KeySize)
	case cfg.Log == nil:
		return nil, errors.New("local store: a logger is missing")
	}
	l := &Local{cfg: cfg, base: strings.TrimSuffix(cfg.BaseURL, "/") + cfg.Prefix, signer: signer{cfg.Secret}, idle: idleLimit}
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("local store: %w", err)
	}
	return l, nil
}

// prepare makes all folders now, so that no upload has to make one durable.
func (l *Local) prepare() error {
	if err := os.RemoveAll(l.drafts()); err != nil {
		return err
	}
	dirs := []string{l.drafts(), filepath.Join(l.cfg.Dir, "uploads")}
	for i := range 256 {
		dirs = append(dirs, filepath.Join(l.cfg.Dir, "objects", fmt.Sprintf("%02x", i)))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(filepath.Join(l.cfg.Dir, "objects")), syncDir(l.cfg.Dir))
}

func (l *Local) drafts() string { return filepath.Join(l.cfg.Dir, "drafts") }

func (l *Local) path(key string) string {
	name := keyName(key)
	return filepath.Join(l.cfg.Dir, "objects", name[:2], name)
}

// keyName stands for a key in file names.
func keyName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// PresignPut implements Store.
func (l *Local) PresignPut(_ context.Context, spec PutSpec) (Signed, error) {
	if err := checkPut(spec); err != nil {
		return Signed{}, err
	}
	signed := l.presign(spec.Expires, grant{
		method: http.MethodPut, key: spec.Key,
		size: spec.Size, contentType: spec.ContentType, sha256: spec.SHA256,
	})
	if spec.ContentType != "" {
		signed.Headers["Content-Type"] = spec.ContentType
	}
	return signed, nil
}

// Put implements Store.
func (l *Local) Put(ctx context.Context, key, contentType string, size int64, r io.Reader) (Info, error) {
	if err := checkStream(key, contentType, size); err != nil {
		return Info{}, err
	}
	d, err := newDraft(l.drafts())
	if err != nil {
		return Info{}, share.E(share.Unavailable, "put object", err)
	}
	defer d.discard()
	src := &source{ctx: ctx, r: r, size: size}
	if err = pour(d, src); err == nil {
		if _, err = d.seal(); err == nil {
			err = d.publish(l.path(key))
		}
	}
	if src.err != nil {
		return Info{}, src.err
	}
	if err != nil {
		return Info{}, share.E(share.Unavailable, "put object", err)
	}
	return l.Head(ctx, key)
}

// PresignGet implements Store.
func (l *Local) PresignGet(_ context.Context, spec GetSpec) (Signed, error) {
	if err := checkGet(spec); err != nil {
		return Signed{}, err
	}
	return l.presign(spec.Expires, grant{
		method: http.MethodGet, key: spec.Key,
		contentType: spec.ContentType, disposition: disposition.Header(spec.Disposition, spec.Name),
	}), nil
}

// presign returns the URL of a grant that lasts from now on.
func (l *Local) presign(lifetime time.Duration, g grant) Signed {
	expires := time.Now().Add(lifetime).Truncate(time.Second)
	g.expires = expires.Unix()
	segments := strings.Split(g.key, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return Signed{
		URL:     l.base + "/" + strings.Join(segments, "/") + "?" + l.signer.query(g),
		Headers: map[string]string{},
		Expires: expires.UTC(),
	}
}

// Head implements Store.
func (l *Local) Head(_ context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	file, err := openStored(l.path(key))
	if err != nil {
		return Info{}, err
	}
	defer file.Close()
	return Info{Size: file.size, ETag: file.etag, SHA256: file.etag, Modified: file.modified}, nil
}

// Open implements Store. The reader is a *FileSpan.
func (l *Local) Open(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error) {
	if err := checkSpan(key, etag, from, n); err != nil {
		return nil, err
	}
	file, err := openStored(l.path(key))
	if err != nil {
		return nil, err
	}
	switch _, seekErr := file.Seek(from, io.SeekStart); {
	case file.etag != etag:
		err = share.E(share.Changed, "open object", nil)
	case from+n > file.size:
		err = share.E(share.NotSatisfiable, "open object", nil)
	case seekErr != nil:
		err = share.E(share.Unavailable, "open object", seekErr)
	default:
		return &FileSpan{ctx: ctx, file: file.File, left: n}, nil
	}
	_ = file.Close()
	return nil, err
}

// Settle implements Store. What is renamed is what is there at that moment, so
// it is looked at afterwards, when no PUT can reach it any more.
func (l *Local) Settle(_ context.Context, key, etag, to string) error {
	if err := first(checkKey(key), checkKey(to)); err != nil {
		return err
	}
	from, kept := l.path(key), l.path(to)
	err := os.Rename(from, kept)
	if errors.Is(err, fs.ErrNotExist) {
		return share.E(share.NotFound, "settle object", nil)
	}
	if err == nil {
		err = errors.Join(syncDir(filepath.Dir(kept)), syncDir(filepath.Dir(from)))
	}
	if err != nil {
		return share.E(share.Unavailable, "settle object", err)
	}
	moved, err := openStored(kept)
	if err != nil {
		return err
	}
	defer func() { _ = moved.Close() }()
	if moved.etag == etag {
		return nil
	}
	if err := os.Rename(kept, from); err != nil {
		return share.E(share.Unavailable, "settle object", err)
	}
	return share.E(share.Changed, "settle object", nil)
}

// Delete implements Store.
func (l *Local) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	path := l.path(key)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return share.E(share.Unavailable, "delete object", err)
	}
	return nil
}

// Check implements Store: it writes a file and removes it.
func (l *Local) Check(context.Context) error {
	d, err := newDraft(l.drafts())
	if err == nil {
		_, err = d.Write([]byte("ready"))
		d.discard()
	}
	if err != nil {
		return share.E(share.Unavailable, "check object store", err)
	}
	return nil
}
