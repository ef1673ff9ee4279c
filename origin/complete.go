package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

type completeIn struct {
	Body struct {
		FileID    string          `json:"file_id" required:"true"`
		Key       string          `json:"key" required:"true"`
		UploadID  *string         `json:"upload_id"`
		Parts     []completedPart `json:"parts" nullable:"true" doc:"Of a multipart upload: every part with the ETag that its PUT answered."`
		Size      *int64          `json:"size" minimum:"1"`
		SHA256    *string         `json:"sha256" format:"sha256" doc:"What the uploader sent; other bytes are refused, or found by the scan."`
		ClientKey *string         `json:"client_key" minLength:"1" maxLength:"1024" format:"text"`
	}
}

type completedPart struct {
	PartNumber int    `json:"PartNumber" required:"true"`
	ETag       string `json:"ETag" required:"true"`
}

// completeUpload turns sent bytes into a file, and waits a little for the
// scanner, so that small files can be shared right away. Repeating it answers
// with the same file.
func (o *Origin) completeUpload(ctx context.Context, in *completeIn) (*shown[file], error) {
	f, err := o.complete(ctx, in)
	if err != nil {
		return nil, err
	}
	return o.made(ctx, f)
}

// made is the answer about a file that was just made, after a moment for the scanner.
// Not every store can tell a digest: if the scan found another one than declared, the
// upload is void as it is where the store can.
func (o *Origin) made(ctx context.Context, f store.File) (*shown[file], error) {
	f, err := o.awaitVerdict(ctx, f)
	if err != nil || f.ScanDetail == nil || *f.ScanDetail != foundOtherDigest {
		return show(fileOf(f)), err
	}
	if _, err := o.Store.PurgeFile(ctx, f.TenantID, f.ID); err != nil && share.KindOf(err) != share.NotFound {
		return nil, err
	}
	return nil, errOtherDigest
}

// otherDigest is what is wrong with bytes that are not what their uploader said;
// errOtherDigest says it to who completes them, foundOtherDigest to who asks later.
const (
	otherDigest      = "sha256: the stored bytes have another digest than declared"
	foundOtherDigest = otherDigest + "; purge the file and upload it again"
)

var errOtherDigest = reject(http.StatusBadRequest, otherDigest+"; the upload is void, initiate a new one")

func (o *Origin) complete(ctx context.Context, in *completeIn) (store.File, error) {
	tenant := caller(ctx).TenantID
	digest, errDigest := checkSHA256("sha256", in.Body.SHA256)
	if err := firstError(checkOptional("client_key", in.Body.ClientKey, maxText), errDigest); err != nil {
		return store.File{}, err
	}
	id, err := parseID(in.Body.FileID, "upload")
	if err != nil {
		return store.File{}, err
	}
	u, err := o.Store.Upload(ctx, tenant, id)
	if share.KindOf(err) == share.NotFound {
		return o.completedBefore(ctx, tenant, id, in.Body.Key)
	}
	if err != nil {
		return store.File{}, err
	}
	if err := o.matchTicket(u, in, digest); err != nil {
		return store.File{}, err
	}
	if in.Body.ClientKey != nil {
		u.ClientKey = in.Body.ClientKey
	}
	if digest != nil {
		u.ClaimedSHA256 = digest
	}
	object, err := o.settleSoon(ctx, u, in.Body.Parts)
	if err != nil {
		if f, found := o.Store.File(ctx, tenant, id); found == nil { // another complete was faster
			return f, nil
		}
		return store.File{}, err
	}
	return o.Store.CompleteUpload(ctx, u, object)
}

// settleLimit bounds what the object store is given to join and move an upload's
// bytes, which goes on when the client has been told to come back.
const settleLimit = 15 * time.Minute

// settleSoon joins and settles an upload's bytes, and answers within
// Config.StoreWait, done or not. One such work is under way for an upload in this
// process: a repetition waits for it, and if it ended meanwhile finds what it did.
func (o *Origin) settleSoon(ctx context.Context, u store.Upload, parts []completedPart) (share.Object, error) {
	soon, cancel := context.WithTimeout(ctx, o.config.StoreWait)
	defer cancel()
	object, _, err := o.settling.Do(soon, u.FileID, func(ctx context.Context) (share.Object, error) {
		if err := o.joinParts(ctx, u, parts); err != nil {
			return share.Object{}, err
		}
		return o.settle(ctx, u)
	})
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		p := reject(http.StatusServiceUnavailable, "the object store has not taken the bytes over yet; repeat the request")
		p.header = http.Header{"Retry-After": {retryAfter}}
		return share.Object{}, p
	}
	return object, err
}

// completedBefore answers a repeated complete with the file it made.
func (o *Origin) completedBefore(ctx context.Context, tenant, id, key string) (store.File, error) {
	f, err := o.Store.File(ctx, tenant, id)
	if share.KindOf(err) == share.NotFound {
		return f, reject(http.StatusNotFound, "upload not found")
	}
	if err == nil && !store.IsKeptFor(key, f.Object.Key) {
		return f, invalid("key", "does not belong to this file_id")
	}
	return f, err
}

// matchTicket checks what complete echoes against what initiate promised.
func (o *Origin) matchTicket(u store.Upload, in *completeIn, digest *string) error {
	switch {
	case in.Body.Key != u.ObjectKey:
		return invalid("key", "does not belong to this file_id")
	case in.Body.Size != nil && *in.Body.Size != u.Size:
		return invalid("size", fmt.Sprintf("is not the %d bytes that initiate reserved", u.Size))
	case digest != nil && u.ClaimedSHA256 != nil && *digest != *u.ClaimedSHA256:
		return invalid("sha256", "is not the one that initiate was given")
	case u.PartsID != nil && (in.Body.UploadID == nil || *in.Body.UploadID != *u.PartsID):
		return invalid("upload_id", "is not the one of this upload")
	case u.PartsID != nil && len(in.Body.Parts) != u.Parts():
		return invalid("parts", fmt.Sprintf("must list all %d parts of this upload, got %d", u.Parts(), len(in.Body.Parts)))
	case o.Store.Expired(u):
		return reject(http.StatusBadRequest, "the upload ticket expired at "+stamp(u.ExpiresAt)+"; initiate a new upload")
	}
	return nil
}

// joinParts makes one object of a multipart upload's parts. A repeated call
// finds the parts joined already, which verify then sees.
func (o *Origin) joinParts(ctx context.Context, u store.Upload, parts []completedPart) error {
	if u.PartsID == nil {
		return nil
	}
	joined := make([]objects.Part, len(parts))
	for i, part := range parts {
		joined[i] = objects.Part{Number: part.PartNumber, ETag: part.ETag}
	}
	err := o.Objects.CompleteParts(ctx, u.ObjectKey, *u.PartsID, joined)
	switch share.KindOf(err) {
	case share.NotFound:
		if _, missing := o.Objects.Head(ctx, u.ObjectKey); missing == nil {
			return nil
		}
		return reject(http.StatusBadRequest, "this multipart upload has ended; initiate a new upload")
	case share.Invalid:
		return invalid("parts", "a part is missing, out of order, or has another ETag than its PUT answered")
	}
	return err
}

// awaitVerdict waits for the scan of a pending file, at most the configured time.
// It looks into the database, since any origin process may do the scan.
func (o *Origin) awaitVerdict(ctx context.Context, f store.File) (store.File, error) {
	ctx, cancel := context.WithTimeout(ctx, o.config.ScanWait)
	defer cancel()
	for pause := 5 * time.Millisecond; f.ScanStatus == share.Pending && f.ScanDetail == nil; pause = min(2*pause, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return f, nil
		case <-time.After(pause):
		}
		newer, err := o.Store.FileToScan(ctx, f.ID)
		if errors.Is(err, context.DeadlineExceeded) {
			return f, nil
		}
		if err != nil {
			return f, err
		}
		f = newer
	}
	return f, nil
}
