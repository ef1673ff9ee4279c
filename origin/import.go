package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/outbound"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// Imports is how files are fetched from URLs.
type Imports struct {
	Max       int64          // bytes of one; MaxUpload holds besides
	Timeout   time.Duration  // for one, from the first look to the last byte
	Idle      time.Duration  // longest silence of a source
	Redirects int            // followed at most
	AtOnce    int            // in this process; more are refused
	Ports     []uint16       // that sources may have
	Allow     []netip.Prefix // reached although they are not public
}

// afterImport is how much longer than its time limit an import's reservation
// lives: if the process dies, the room comes back then.
const afterImport = time.Minute

type importIn struct {
	Body struct {
		URL          string  `json:"url" required:"true" doc:"Where the file is: http or https, on the public internet, without credentials."`
		SpaceID      string  `json:"space_id" required:"true"`
		FolderID     *string `json:"folder_id"`
		OriginalName *string `json:"original_name" minLength:"1" maxLength:"255" format:"file-name" doc:"Default: what the source calls it."`
		Name         *string `json:"name" minLength:"1" maxLength:"255" format:"file-name" doc:"The same as original_name."`
		ContentType  *string `json:"content_type" format:"media-type" maxLength:"255" doc:"Default: what the source says, else what the bytes look like."`
		App          *string `json:"app" minLength:"1" maxLength:"255" format:"text"`
		ClientKey    *string `json:"client_key" minLength:"1" maxLength:"1024" format:"text"`
		SHA256       *string `json:"sha256" format:"sha256" doc:"If given, other bytes are not accepted."`
	}
}

// importURL fetches a file and goes on as if it had been uploaded.
func (o *Origin) importURL(ctx context.Context, in *importIn) (*shown[file], error) {
	u, source, err := o.wantedImport(ctx, in)
	if err != nil {
		return nil, err
	}
	f, found, err := o.Store.MadeFile(ctx, u.TenantID)
	if !found && err == nil {
		f, err = o.importOnce(ctx, u, source)
	}
	if err != nil {
		return nil, err
	}
	return o.made(ctx, f)
}

// wantedImport checks the request.
func (o *Origin) wantedImport(ctx context.Context, in *importIn) (store.Upload, *url.URL, error) {
	b := &in.Body
	keyID := caller(ctx).ID
	u := store.Upload{TenantID: caller(ctx).TenantID, ClientKey: b.ClientKey, App: b.App, CreatedBy: &keyID}
	source, err := o.sources.Check(b.URL)
	if err != nil {
		return u, nil, o.sourceProblem(ctx, err)
	}
	if b.OriginalName == nil {
		b.OriginalName = b.Name
	}
	if b.OriginalName != nil {
		u.OriginalName = *b.OriginalName
		err = checkName("original_name", u.OriginalName)
	}
	if b.ContentType != nil && *b.ContentType != "" && err == nil {
		u.MIME = *b.ContentType
		err = checkType(u.MIME)
	}
	var errDigest, errSpace, errFolder error
	u.ClaimedSHA256, errDigest = checkSHA256("sha256", b.SHA256)
	if err = firstError(err, checkOptional("app", b.App, maxName), checkOptional("client_key", b.ClientKey, maxText), errDigest); err != nil {
		return u, nil, err
	}
	u.SpaceID, errSpace = parseID(b.SpaceID, "space")
	u.FolderID, errFolder = optionalID(b.FolderID, "folder")
	return u, source, firstError(errSpace, errFolder)
}

// importOnce reserves, fetches, stores and completes. Whatever fails gives the
// room back; what was stored by then is removed with the reservation.
func (o *Origin) importOnce(ctx context.Context, u store.Upload, source *url.URL) (f store.File, err error) {
	select {
	case o.importing <- struct{}{}:
		defer func() { <-o.importing }()
	default:
		p := reject(http.StatusServiceUnavailable, "as many imports as possible are under way; try again")
		p.header = http.Header{"Retry-After": {retryAfter}}
		return f, p
	}
	defer func() { o.Metrics.Imports.WithLabelValues(importOutcome(err)).Inc() }()
	// No room yet, but the space is known to be there, and the upload has its id.
	if u, err = o.Store.ReserveUpload(ctx, u, o.importLife()); err != nil {
		return f, err
	}
	object, err := o.bring(ctx, &u, source)
	if err == nil {
		f, err = o.Store.CompleteUpload(ctx, u, object)
	}
	if err != nil {
		o.giveBack(ctx, u)
		return f, err
	}
	o.Metrics.Imported.Add(float64(u.Size))
	return f, nil
}

func (o *Origin) importLife() time.Duration { return o.config.Imports.Timeout + afterImport }

var errImportTime = errors.New("the import's time is over")

// bring moves the source's bytes to the object store, under a key of this try: another
// process may go on with the same import. Their size is in u then.
func (o *Origin) bring(ctx context.Context, u *store.Upload, source *url.URL) (share.Object, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.config.Imports.Timeout, errImportTime)
	defer cancel()
	response, err := o.ask(ctx, source)
	if err != nil {
		return share.Object{}, o.sourceProblem(ctx, err)
	}
	defer response.Body.Close()
	nameImport(u, response)
	key, err := o.Store.KeptKey(ctx, *u)
	if err != nil {
		return share.Object{}, err
	}
	info, err := o.storeImport(ctx, u, key, response)
	if err != nil {
		return share.Object{}, o.sourceProblem(ctx, err)
	}
	if info.Size == 0 {
		return share.Object{}, reject(http.StatusBadRequest, "url: the source is empty; a file has at least 1 byte")
	}
	if info.Size != u.Size {
		return share.Object{}, fmt.Errorf("import: the store has %d bytes of %d", info.Size, u.Size)
	}
	if u.ClaimedSHA256 != nil && info.SHA256 != "" && info.SHA256 != *u.ClaimedSHA256 {
		return share.Object{}, reject(http.StatusBadRequest, "sha256: the source's bytes have another digest than declared")
	}
	return share.Object{Key: key, Version: info.ETag}, nil
}

// ask begins the fetch; what is not a whole file is none.
func (o *Origin) ask(ctx context.Context, source *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, source.String(), nil)
	if err != nil {
		return nil, &outbound.Refusal{Reason: "is not a URL that can be asked for"}
	}
	request.Header.Set("Accept", "*/*")
	request.Header.Set("Accept-Encoding", "identity")
	response, err := o.sources.Do(request)
	if err != nil {
		return nil, sourceError{err: err}
	}
	switch coding := response.Header.Get("Content-Encoding"); {
	case response.StatusCode != http.StatusOK:
		err = reject(http.StatusBadRequest, fmt.Sprintf("url: the source answered %d", response.StatusCode))
	case coding != "" && coding != "identity":
		err = reject(http.StatusBadRequest, "url: the source compressed the file, though it was asked not to")
	default:
		return response, nil
	}
	response.Body.Close()
	return nil, err
}

// storeImport reserves before it stores: at once if the source says how much
// comes, else piece by piece as it comes.
func (o *Origin) storeImport(ctx context.Context, u *store.Upload, key string, response *http.Response) (objects.Info, error) {
	body := &sourceBody{r: response.Body}
	size := response.ContentLength
	if size < 0 {
		room := &roomReader{body: body, fit: func(size int64) error { return o.fitImport(ctx, u, size) }}
		return o.Objects.Put(ctx, key, u.MIME, objects.UnknownSize, room)
	}
	if err := o.fitImport(ctx, u, size); err != nil {
		return objects.Info{}, err
	}
	return o.Objects.Put(ctx, key, u.MIME, size, body)
}

// fitImport takes the room for so many bytes, if one file may have them.
func (o *Origin) fitImport(ctx context.Context, u *store.Upload, size int64) error {
	if most := min(o.config.Imports.Max, o.maxUpload(ctx)); size > most {
		return reject(http.StatusRequestEntityTooLarge, fmt.Sprintf("url: the source is larger than the %d bytes that an import may have", most))
	}
	return o.Store.FitUpload(ctx, u, size, o.importLife())
}

// roomPiece is how many bytes of unknown length are reserved at a time.
const roomPiece = 4 << 20

// roomReader hands out only what room was taken for. Used by one goroutine.
type roomReader struct {
	body  io.Reader
	fit   func(size int64) error
	piece []byte
	ready []byte // of piece, not yet handed out
	size  int64
	err   error // of body, once ready is empty
}

// Read implements io.Reader.
func (r *roomReader) Read(p []byte) (int, error) {
	if len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if err := r.fill(); err != nil {
			r.err = err
			return 0, err
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *roomReader) fill() error {
	if r.piece == nil {
		r.piece = make([]byte, roomPiece)
	}
	n, err := io.ReadFull(r.body, r.piece)
	if err == io.ErrUnexpectedEOF { // ReadFull's own: the body's comes as a sourceError
		err = io.EOF // fewer bytes than a piece is, not than the source said
	}
	if n == 0 {
		return err
	}
	r.size += int64(n)
	if err := r.fit(r.size); err != nil {
		return err
	}
	r.ready, r.err = r.piece[:n], err
	return nil
}
