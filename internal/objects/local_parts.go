package objects

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rawlink/internal/share"
)

// A multipart upload is the folder uploads/KEYNAME-ID with one stored file per
// part, named by its number. The key is in the folder's name, so an id is worth
// nothing with another key. The folder's renaming into drafts/ is the one moment
// at which an upload ends, by completion or by abort, and only one caller can
// win it.

// keyFile says, in an upload's folder, which key it is for, and by its age since
// when.
const keyFile = "key"

// uploadIDs are what rand.Text makes; anything else never was an upload.
var uploadIDs = regexp.MustCompile(`^[A-Z2-7]{26,64}$`)

// upload returns the folder of an upload: share.NotFound if there is none.
func (l *Local) upload(key, uploadID string) (dir string, err error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if !uploadIDs.MatchString(uploadID) {
		return "", errNoUpload
	}
	dir = filepath.Join(l.cfg.Dir, "uploads", keyName(key)+"-"+uploadID)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", errNoUpload
	} else if err != nil {
		return "", share.E(share.Unavailable, "find upload", err)
	}
	return dir, nil
}

var errNoUpload = share.E(share.NotFound, "upload", errors.New("no such upload"))

// StartParts implements Store.
func (l *Local) StartParts(_ context.Context, spec PutSpec) (uploadID string, err error) {
	if err := checkStart(spec); err != nil {
		return "", err
	}
	uploadID = rand.Text()
	uploads := filepath.Join(l.cfg.Dir, "uploads")
	dir := filepath.Join(uploads, keyName(spec.Key)+"-"+uploadID)
	err = os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, keyFile), []byte(spec.Key), 0o600)
	}
	if err == nil {
		err = syncDir(uploads)
	}
	if err != nil {
		return "", share.E(share.Unavailable, "start upload", err)
	}
	return uploadID, nil
}

// PresignPart implements Store.
func (l *Local) PresignPart(_ context.Context, key, uploadID string, number int, size int64, expires time.Duration) (Signed, error) {
	if err := first(checkPart(key, uploadID, number, size), checkLifetime(expires)); err != nil {
		return Signed{}, err
	}
	return l.presign(expires, grant{
		method: http.MethodPut, key: key, size: size, uploadID: uploadID, part: number,
	}), nil
}

// CompleteParts implements Store. A repetition answers share.NotFound.
func (l *Local) CompleteParts(ctx context.Context, key, uploadID string, parts []Part) error {
	if err := checkParts(key, uploadID, parts); err != nil {
		return err
	}
	dir, err := l.upload(key, uploadID)
	if err != nil {
		return err
	}
	whole, err := newDraft(l.drafts())
	if err != nil {
		return share.E(share.Unavailable, "complete upload", err)
	}
	defer whole.discard()
	for i, part := range parts {
		if err := appendPart(ctx, whole, dir, part, i == len(parts)-1); err != nil {
			return l.orGone(key, uploadID, err)
		}
	}
	if _, err := whole.seal(); err != nil {
		return share.E(share.Unavailable, "complete upload", err)
	}
	// The object is ready but for its name. Whoever ends the upload names it: a
	// second CompleteParts, perhaps with other parts, stops here.
	if err := l.endUpload(dir); err != nil {
		return err
	}
	if err := whole.publish(l.path(key)); err != nil {
		return share.E(share.Unavailable, "complete upload", err)
	}
	return nil
}

// appendPart adds one part to the whole, if it is the one that was meant.
func appendPart(ctx context.Context, whole *draft, dir string, part Part, last bool) error {
	if err := ctx.Err(); err != nil {
		return share.E(share.Unavailable, "complete upload", err)
	}
	file, err := openStored(filepath.Join(dir, strconv.Itoa(part.Number)))
	if share.KindOf(err) == share.NotFound {
		return invalid("part %d: missing", part.Number)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if file.etag != unquoted(part.ETag) {
		return invalid("part %d: another ETag than the one stored", part.Number)
	}
	if file.size < MinPart && !last {
		return invalid("part %d: smaller than %d bytes", part.Number, MinPart)
	}
	if err := pour(whole, io.LimitReader(file, file.size)); err != nil {
		return share.E(share.Unavailable, fmt.Sprintf("copy part %d", part.Number), err)
	}
	return nil
}

// orGone replaces the cause by share.NotFound if the upload ended meanwhile: its
// parts went with it.
func (l *Local) orGone(key, uploadID string, cause error) error {
	if _, err := l.upload(key, uploadID); share.KindOf(err) == share.NotFound {
		return err
	}
	return cause
}

// AbortParts implements Store.
func (l *Local) AbortParts(_ context.Context, key, uploadID string) error {
	dir, err := l.upload(key, uploadID)
	if err == nil {
		err = l.endUpload(dir)
	}
	if share.KindOf(err) == share.NotFound {
		return nil
	}
	return err
}

// OpenParts implements Store.
func (l *Local) OpenParts(ctx context.Context, before time.Time, visit func(key, uploadID string) error) error {
	dirs, err := os.ReadDir(filepath.Join(l.cfg.Dir, "uploads"))
	if err != nil {
		return share.E(share.Unavailable, "list uploads", err)
	}
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return share.E(share.Unavailable, "list uploads", err)
		}
		path := filepath.Join(l.cfg.Dir, "uploads", dir.Name(), keyFile)
		about, err := os.Stat(path)
		if err != nil || !about.ModTime().Before(before) {
			continue // it ended meanwhile, or is too young
		}
		key, err := os.ReadFile(path)
		_, uploadID, found := strings.Cut(dir.Name(), "-")
		if err != nil || !found {
			continue
		}
		if err := visit(string(key), uploadID); err != nil {
			return err
		}
	}
	return nil
}

// endUpload takes the upload away and deletes its parts: share.NotFound if
// somebody else did.
func (l *Local) endUpload(dir string) error {
	trash := filepath.Join(l.drafts(), filepath.Base(dir))
	err := os.Rename(dir, trash)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoUpload
	}
	if err == nil {
		err = syncDir(filepath.Dir(dir))
	}
	if err != nil {
		return share.E(share.Unavailable, "end upload", err)
	}
	_ = os.RemoveAll(trash) // what stays is removed at the next start
	return nil
}
