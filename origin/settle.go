package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// settle checks the stored bytes against the ticket and moves them to where the
// ticket's URL, which may be good for long, can't reach them, and no other try to
// complete the upload, at another origin, writes: what was scanned stays what is served.
// A repeated call finds them there.
func (o *Origin) settle(ctx context.Context, u store.Upload) (share.Object, error) {
	if u.PartsID != nil { // joined parts can't be added to
		object, err := o.keptAt(ctx, u, u.ObjectKey)
		return object, o.notUploaded(err)
	}
	object, err := o.kept(ctx, u)
	if isMissing(err) {
		object, err = o.move(ctx, u)
	}
	if isMissing(err) { // or another complete was faster
		object, err = o.kept(ctx, u)
	}
	return object, o.notUploaded(err)
}

// kept finds the bytes that a try to complete the upload has moved; NotFound if none has.
func (o *Origin) kept(ctx context.Context, u store.Upload) (object share.Object, err error) {
	keys, err := o.Store.KeptKeys(ctx, u)
	if err != nil {
		return object, err
	}
	for _, key := range keys {
		if object, err = o.keptAt(ctx, u, key); !isMissing(err) {
			return object, err
		}
	}
	return object, errMissing
}

// keptAt is the object of a key that no ticket reaches.
func (o *Origin) keptAt(ctx context.Context, u store.Upload, key string) (share.Object, error) {
	info, err := o.Objects.Head(ctx, key)
	if err != nil {
		return share.Object{}, err
	}
	return share.Object{Key: key, Version: info.ETag}, o.verify(ctx, u, info)
}

// move moves what is under the ticket's key.
func (o *Origin) move(ctx context.Context, u store.Upload) (object share.Object, err error) {
	info, err := o.Objects.Head(ctx, u.ObjectKey)
	if err != nil {
		return object, err
	}
	if err := o.verify(ctx, u, info); err != nil {
		return object, err
	}
	key, err := o.Store.KeptKey(ctx, u)
	if err != nil {
		return object, err
	}
	err = o.Objects.Settle(ctx, u.ObjectKey, info.ETag, key)
	switch {
	case err != nil && share.KindOf(err) == share.Changed:
		return object, reject(http.StatusConflict, "the bytes changed while the upload was completed; complete it again")
	case err != nil:
		return object, err
	}
	return o.keptAt(ctx, u, key)
}

var errMissing = share.E(share.NotFound, "look at uploaded object", errors.New("there is none"))

// isMissing reports whether the object store said that there is no such object.
func isMissing(err error) bool {
	e, ok := errors.AsType[*share.Error](err)
	return ok && e.Kind == share.NotFound
}

// notUploaded is the answer for an upload whose bytes can't be found.
func (o *Origin) notUploaded(err error) error {
	if isMissing(err) {
		return reject(http.StatusBadRequest, "no bytes were uploaded under this key; PUT them to the ticket's URL first")
	}
	return err
}

// verify compares an object with its ticket. One that is not what was promised
// ends the upload: its room is given back and its bytes are removed.
func (o *Origin) verify(ctx context.Context, u store.Upload, info objects.Info) error {
	if info.Size != u.Size {
		o.giveBack(ctx, u)
		return reject(http.StatusBadRequest, fmt.Sprintf("size: %d bytes were stored but %d declared; the upload is void, initiate a new one", info.Size, u.Size))
	}
	if u.ClaimedSHA256 != nil && info.SHA256 != "" && info.SHA256 != *u.ClaimedSHA256 {
		o.giveBack(ctx, u)
		return errOtherDigest
	}
	return nil
}
