package origin

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

type initiateIn struct {
	Body struct {
		OriginalName string  `json:"original_name" nullable:"true" maxLength:"255" format:"maybe-file-name"`
		Name         string  `json:"name" nullable:"true" maxLength:"255" format:"maybe-file-name" doc:"The same as original_name."`
		ContentType  string  `json:"content_type" nullable:"true" format:"media-type" maxLength:"255" doc:"Default application/octet-stream. The PUT must send exactly this."`
		Size         int64   `json:"size" required:"true" minimum:"1" doc:"In bytes, at least 1. The PUT must send exactly this many."`
		SpaceID      string  `json:"space_id" required:"true"`
		FolderID     *string `json:"folder_id"`
		App          *string `json:"app" minLength:"1" maxLength:"255" format:"text"`
		ClientKey    *string `json:"client_key" minLength:"1" maxLength:"1024" format:"text"`
		SHA256       *string `json:"sha256" format:"sha256" doc:"If given, a single PUT must send the headers of the ticket, and the store refuses any other bytes. Those of parts are checked by complete or by the scan."`
	}
}

// ticket is the permission to send bytes straight to storage.
type ticket struct {
	Mode      string            `json:"mode" enum:"single,multipart"`
	FileID    string            `json:"file_id"`
	Key       string            `json:"key"`
	UploadURL *string           `json:"upload_url" doc:"Where to PUT the bytes; null for a multipart upload."`
	Headers   map[string]string `json:"headers" nullable:"true" doc:"What the PUT must send; null for a multipart upload."`
	UploadID  *string           `json:"upload_id"`
	PartSize  *int64            `json:"part_size" doc:"Bytes of every part but the last."`
	PartURLs  []partURL         `json:"part_urls"`
	ExpiresAt string            `json:"expires_at"`
}

type partURL struct {
	PartNumber int    `json:"part_number"`
	URL        string `json:"url"`
}

type ticketOut struct{ Body ticket }

// initiateUpload reserves room and an id, then signs. Nothing is signed for a
// tenant without room.
func (o *Origin) initiateUpload(ctx context.Context, in *initiateIn) (*ticketOut, error) {
	upload, err := o.wantedUpload(ctx, in)
	if err != nil {
		return nil, err
	}
	upload, err = o.Store.ReserveUpload(ctx, upload, o.config.UploadLifetime)
	if share.KindOf(err) == share.Conflict { // an earlier try's was completed
		madeEarlier(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := &ticketOut{Body: ticket{Mode: "single", FileID: upload.FileID, Key: upload.ObjectKey, ExpiresAt: stamp(upload.ExpiresAt)}}
	if upload.Size < o.config.MultipartFrom {
		err = o.signSingle(ctx, upload, &out.Body)
	} else {
		err = o.signParts(ctx, upload, &out.Body)
	}
	if err != nil {
		o.giveBack(ctx, upload)
		return nil, err
	}
	return out, nil
}

// wantedUpload checks the request, 413 last: a size is judged after its type.
func (o *Origin) wantedUpload(ctx context.Context, in *initiateIn) (store.Upload, error) {
	b := &in.Body
	u := store.Upload{TenantID: caller(ctx).TenantID, OriginalName: b.OriginalName, MIME: b.ContentType, Size: b.Size, ClientKey: b.ClientKey, App: b.App}
	if u.OriginalName == "" {
		u.OriginalName = b.Name
	}
	if u.MIME == "" {
		u.MIME = "application/octet-stream"
	}
	keyID := caller(ctx).ID
	u.CreatedBy = &keyID
	if b.Name != "" && u.OriginalName != b.Name {
		if err := checkName("name", b.Name); err != nil {
			return u, err
		}
	}
	var errDigest, errSpace, errFolder error
	u.ClaimedSHA256, errDigest = checkSHA256("sha256", b.SHA256)
	err := firstError(checkName("original_name", u.OriginalName), checkType(u.MIME), checkOptional("app", b.App, maxName), checkOptional("client_key", b.ClientKey, maxText), errDigest)
	if err != nil {
		return u, err
	}
	if u.Size < 1 {
		return u, invalid("size", "must be at least 1 byte")
	}
	if most := o.maxUpload(ctx); u.Size > most {
		return u, reject(http.StatusRequestEntityTooLarge, fmt.Sprintf("size: %d bytes is more than the %d that one file may have", u.Size, most))
	}
	u.SpaceID, errSpace = parseID(b.SpaceID, "space")
	u.FolderID, errFolder = optionalID(b.FolderID, "folder")
	return u, firstError(errSpace, errFolder)
}

// maxUpload is how many bytes a file of the caller's may have.
func (o *Origin) maxUpload(ctx context.Context) int64 {
	return min(o.config.MaxUpload, caller(ctx).Plan.Or(store.UploadMax, o.config.MaxUpload))
}

func checkType(contentType string) error {
	if err := checkText("content_type", contentType, maxName); err != nil {
		return err
	}
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return invalid("content_type", "must be a media type such as image/png")
	}
	outside := func(r rune) bool { return r < ' ' || r > '~' }
	if strings.ContainsFunc(contentType, outside) || strings.TrimSpace(contentType) != contentType || strings.Contains(contentType, "  ") {
		return invalid("content_type", "must be ASCII without blanks at the ends or next to each other, for it is signed as it is sent")
	}
	return nil
}

func (o *Origin) putSpec(u store.Upload) objects.PutSpec {
	return objects.PutSpec{Key: u.ObjectKey, Size: u.Size, ContentType: u.MIME, SHA256: deref(u.ClaimedSHA256), Expires: o.config.UploadLifetime}
}

func (o *Origin) signSingle(ctx context.Context, u store.Upload, t *ticket) error {
	signed, err := o.Objects.PresignPut(ctx, o.putSpec(u))
	if err != nil {
		return fmt.Errorf("sign upload: %w", err)
	}
	t.UploadURL, t.Headers = &signed.URL, signed.Headers
	return nil
}

func (o *Origin) signParts(ctx context.Context, u store.Upload, t *ticket) error {
	spec := o.putSpec(u)
	spec.SHA256 = ""      // no store can hold the sum of parts to a digest; the scan does
	if u.PartsID == nil { // else a repeated request, whose first try began them
		partsID, err := o.Objects.StartParts(ctx, spec)
		if err != nil {
			return fmt.Errorf("start multipart upload: %w", err)
		}
		if err := o.Store.SetParts(ctx, u.FileID, partsID, o.config.PartSize); err != nil {
			return err
		}
		u.PartsID, u.PartSize = &partsID, &o.config.PartSize
	}
	partsID, size := *u.PartsID, *u.PartSize
	t.Mode, t.UploadID, t.PartSize = "multipart", &partsID, &size
	for number, from := 1, int64(0); from < u.Size; number, from = number+1, from+size {
		signed, err := o.Objects.PresignPart(ctx, u.ObjectKey, partsID, number, min(size, u.Size-from), o.config.UploadLifetime)
		if err != nil {
			return fmt.Errorf("sign part %d: %w", number, err)
		}
		t.PartURLs = append(t.PartURLs, partURL{PartNumber: number, URL: signed.URL})
	}
	return nil
}

// giveBack releases a reservation whose upload can't go on. If that fails too,
// the ticket's expiry releases it.
func (o *Origin) giveBack(ctx context.Context, u store.Upload) {
	ctx = context.WithoutCancel(ctx)
	if err := o.Store.ReleaseUpload(ctx, u.TenantID, u.FileID); err != nil {
		o.Log.WarnContext(ctx, "reservation not released; it will be at its expiry", "file_id", u.FileID, "error", err)
	}
}

type abortIn struct {
	Body struct {
		FileID string `json:"file_id" required:"true"`
	}
}

func (o *Origin) abortUpload(ctx context.Context, in *abortIn) (*none, error) {
	id, err := parseID(in.Body.FileID, "upload")
	if err != nil {
		return nil, err
	}
	return nil, o.Store.ReleaseUpload(ctx, caller(ctx).TenantID, id)
}
