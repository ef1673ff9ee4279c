package origin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rawlink/internal/password"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// link is a Share as clients see it.
type link struct {
	ID            string  `json:"id"`
	FileID        string  `json:"file_id"`
	Permission    string  `json:"permission" enum:"view,download"`
	ExpiresAt     *string `json:"expires_at" doc:"null: never."`
	MaxDownloads  *int64  `json:"max_downloads" doc:"null: no cap."`
	DownloadCount int64   `json:"download_count" doc:"Downloads that edges served. Copies answered by a browser's or a CDN's cache are not seen."`
	Revoked       bool    `json:"revoked"`
	HasPassword   bool    `json:"has_password" doc:"A password is stored. Edges ask for it where edge_enforce_passwords is set."`
	Confirm       bool    `json:"confirm" doc:"GET sends no bytes before the link was opened by POST, which a person does and a mail scanner or a preview doesn't."`
	CreatedAt     string  `json:"created_at"`
	UpdatedAt     string  `json:"updated_at"`
}

func linkOf(v store.Share) link {
	return link{ID: v.ID, FileID: v.FileID, Permission: string(v.Permission), ExpiresAt: stampOrNull(v.ExpiresAt), MaxDownloads: v.MaxDownloads,
		DownloadCount: v.DownloadCount, Revoked: v.Revoked, HasPassword: v.HasPassword, Confirm: v.Confirm, CreatedAt: stamp(v.CreatedAt), UpdatedAt: stamp(v.UpdatedAt)}
}

// settled is what clients set: downloads go on while they think.
func (l link) settled() any {
	l.DownloadCount = 0
	return l
}

type createShareIn struct {
	Body struct {
		FileID        string     `json:"file_id" required:"true"`
		Permission    *string    `json:"permission" enum:"view,download" doc:"Default: view for a permanent link, download for an expiring one."`
		ExpiresInDays *int64     `json:"expires_in_days" minimum:"1" maximum:"365" doc:"null or absent: never."`
		ExpiresAt     *time.Time `json:"expires_at" doc:"Instead of expires_in_days."`
		MaxDownloads  *int64     `json:"max_downloads" minimum:"1" maximum:"9007199254740991" doc:"null or absent: no cap."`
		Password      *string    `json:"password" maxLength:"1024" doc:"Stored as a slow hash. Edges ask for it only where edge_enforce_passwords is set: elsewhere rely on expires_at and max_downloads."`
		Confirm       *bool      `json:"confirm" doc:"Have the link opened by POST, so that nothing that opens links by itself takes a download. null or absent: false."`
	}
}

// Link is link under a name that huma looks into where it is embedded.
type Link = link

type createdLink struct {
	ETag string `header:"ETag"`
	Body struct {
		Link
		URL string `json:"url" doc:"The raw link. Shown here and never again."`
	}
}

// maxPassword bounds the work of hashing, in bytes; maxDays is the longest life
// that can be given in days.
const (
	maxPassword = 1024
	maxDays     = 365
)

func (o *Origin) createShare(ctx context.Context, in *createShareIn) (*createdLink, error) {
	wanted, err := o.wantedShare(ctx, in)
	if err != nil {
		return nil, err
	}
	wanted.Hash = func(shareID string) share.Hash {
		return share.HashToken(string(o.Mint.Token(o.Keyring, shareID)))
	}
	v, err := o.Store.CreateShare(ctx, wanted)
	if err != nil {
		return nil, err
	}
	token, ok := o.Mint.TokenOf(o.Keyring, v.ID, v.Hash)
	if !ok { // an earlier try made it, before token keys were changed
		madeEarlier(ctx)
		return nil, errLinkEnded
	}
	out := &createdLink{}
	out.ETag = tagOf(linkOf(v))
	out.Body.Link, out.Body.URL = linkOf(v), o.config.FilesURL+"/s/"+string(token)
	return out, nil
}

// errLinkEnded is the answer to a repeated creation whose link no edge would take
// any more.
var errLinkEnded = reject(http.StatusConflict, "the link that this Idempotency-Key made has ended: its token key was retired; create another one with a new key")

// checkLink refuses to repeat an answer whose link has ended with its token key.
func (o *Origin) checkLink(answer []byte) error {
	var link struct{ URL string }
	if err := json.Unmarshal(answer, &link); err != nil {
		return fmt.Errorf("read a kept answer: %w", err)
	}
	if !o.Keyring.Verify(link.URL[strings.LastIndexByte(link.URL, '/')+1:]) {
		return errLinkEnded
	}
	return nil
}

func (o *Origin) wantedShare(ctx context.Context, in *createShareIn) (store.NewShare, error) {
	b := &in.Body
	key := caller(ctx)
	n := store.NewShare{TenantID: key.TenantID, CreatedBy: key.ID, MaxDownloads: b.MaxDownloads, Confirm: b.Confirm != nil && *b.Confirm}
	var err error
	if n.ExpiresAt, err = expiry(time.Now(), b.ExpiresInDays, b.ExpiresAt); err != nil {
		return n, err
	}
	switch {
	case b.Permission != nil:
		n.Permission = share.Permission(*b.Permission)
	case n.ExpiresAt == nil:
		n.Permission = share.View
	default:
		n.Permission = share.Download
	}
	if b.Password != nil && len(*b.Password) > maxPassword {
		return n, invalid("password", fmt.Sprintf("is longer than %d bytes", maxPassword))
	}
	if n.FileID, err = parseID(b.FileID, "file"); err != nil || b.Password == nil || *b.Password == "" {
		return n, err
	}
	n.PasswordHash, err = o.hashPassword(ctx, n.TenantID, n.FileID, *b.Password)
	return n, err
}

// hashPassword spends the time and memory of a slow hash only for a file that
// can be shared, and for few requests at once. What an earlier try made has its hash,
// whatever became of its file.
func (o *Origin) hashPassword(ctx context.Context, tenantID, fileID, text string) (*string, error) {
	if _, found, err := o.Store.MadeShare(ctx, tenantID); found || err != nil {
		return nil, err
	}
	f, err := o.Store.File(ctx, tenantID, fileID)
	if err != nil {
		return nil, err
	}
	if err := store.Shareable(f); err != nil {
		return nil, err
	}
	select {
	case o.hashing <- struct{}{}:
		defer func() { <-o.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	hash := password.Hash(text)
	return &hash, nil
}

// expiry returns when a share ends, nil for never. Whole seconds: that is how an
// edge compares, and what the client is shown.
func expiry(now time.Time, days *int64, at *time.Time) (*int64, error) {
	var ends time.Time
	switch {
	case days != nil && at != nil:
		return nil, invalid("expires_at", "can't be given together with expires_in_days")
	case days != nil:
		ends = now.Add(time.Duration(*days) * 24 * time.Hour)
	case at != nil:
		ends = *at
	default:
		return nil, nil
	}
	ends = ends.UTC().Truncate(time.Second)
	if !ends.After(now) || ends.Year() > 9999 {
		return nil, invalid("expires_at", "must be in the future")
	}
	micros := ends.UnixMicro()
	return &micros, nil
}

type listSharesIn struct {
	Page
	FileID          string `query:"file_id" doc:"Only shares of this file."`
	IncludeInactive bool   `query:"include_inactive" doc:"Also list links that are revoked, expired or used up."`
	Active          string `query:"active" enum:"true,false" doc:"Only active or only inactive links; overrides include_inactive."`
}

func (o *Origin) listShares(ctx context.Context, in *listSharesIn) (*list[link], error) {
	filter := store.ShareFilter{Page: in.wanted()}
	if in.FileID != "" {
		id, err := parseID(in.FileID, "file")
		if err != nil {
			return nil, err
		}
		if _, err := o.Store.File(ctx, caller(ctx).TenantID, id); err != nil {
			return nil, err
		}
		filter.FileID = id
	}
	if in.Active != "" || !in.IncludeInactive {
		active := !strings.EqualFold(in.Active, "false")
		filter.Active = &active
	}
	some, err := o.Store.Shares(ctx, caller(ctx).TenantID, filter)
	return paged(&in.Page, some, func(v store.Share) store.Cursor { return store.Cursor{CreatedAt: v.CreatedAt, ID: v.ID} }, linkOf), err
}

func (o *Origin) getShare(ctx context.Context, in *Thing) (*shown[link], error) {
	return on(ctx, in, "share", linkOf, o.Store.Share)
}

type updateShareIn struct {
	Thing
	Body struct {
		ExpiresInDays change[int64]     `json:"expires_in_days" minimum:"1" maximum:"365" doc:"From now; null: never."`
		ExpiresAt     change[time.Time] `json:"expires_at" doc:"Instead of expires_in_days; null: never."`
		MaxDownloads  change[int64]     `json:"max_downloads" minimum:"1" maximum:"9007199254740991" doc:"Below download_count the link ends. null: no cap."`
		Confirm       change[bool]      `json:"confirm" doc:"Have the link opened by POST. null: false."`
	}
}

// updateShare extends or shortens a link's life, raises or lowers its cap, and has it
// confirmed or not.
func (o *Origin) updateShare(ctx context.Context, in *updateShareIn) (*shown[link], error) {
	b := &in.Body
	u := store.ShareUpdate{SetExpiry: b.ExpiresInDays.set || b.ExpiresAt.set, SetCap: b.MaxDownloads.set, MaxDownloads: b.MaxDownloads.value}
	if days := b.ExpiresInDays.value; days != nil && (*days < 1 || *days > maxDays) {
		return nil, invalid("expires_in_days", fmt.Sprintf("must be from 1 to %d", maxDays))
	}
	if most := u.MaxDownloads; most != nil && *most < 1 {
		return nil, invalid("max_downloads", "must be at least 1")
	}
	if b.Confirm.set {
		confirm := b.Confirm.value != nil && *b.Confirm.value
		u.Confirm = &confirm
	}
	var err error
	if u.ExpiresAt, err = expiry(time.Now(), b.ExpiresInDays.value, b.ExpiresAt.value); err != nil {
		return nil, err
	}
	return on(ctx, &in.Thing, "share", linkOf, func(ctx context.Context, tenantID, id string) (store.Share, error) {
		if u.SetCap {
			o.freeBlock(ctx, tenantID, id)
		}
		return o.Store.UpdateShare(ctx, tenantID, id, u)
	})
}

func (o *Origin) revokeShare(ctx context.Context, in *Thing) (*shown[link], error) {
	return on(ctx, in, "share", linkOf, o.Store.RevokeShare)
}
