package origin

import (
	"context"

	"rawlink/internal/mediatype"
	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// file is a File as clients see it.
type file struct {
	ID           string  `json:"id"`
	TenantID     string  `json:"tenant_id"`
	SpaceID      string  `json:"space_id"`
	FolderID     *string `json:"folder_id"`
	ClientKey    *string `json:"client_key"`
	OriginalName string  `json:"original_name"`
	Name         string  `json:"name" doc:"The same as original_name."`
	MIME         *string `json:"mime"`
	Size         *int64  `json:"size"`
	SHA256       *string `json:"sha256" doc:"Of the stored bytes; null until they were read."`
	ScanStatus   string  `json:"scan_status" enum:"pending,clean,infected"`
	ScanDetail   *string `json:"scan_detail" doc:"Why there is no verdict yet, or what was found."`
	Status       string  `json:"status" enum:"active,trashed"`
	SourceApp    *string `json:"source_app"`
	CreatedBy    *string `json:"created_by"`
	CreatedAt    string  `json:"created_at"`
	UpdatedAt    string  `json:"updated_at"`
	DeletedAt    *string `json:"deleted_at"`
}

func fileOf(f store.File) file {
	out := file{ID: f.ID, TenantID: f.TenantID, SpaceID: f.SpaceID, FolderID: f.FolderID, ClientKey: f.ClientKey,
		OriginalName: f.OriginalName, Name: f.OriginalName, MIME: f.MIME, Size: &f.Size, SHA256: f.SHA256,
		ScanStatus: string(f.ScanStatus), ScanDetail: f.ScanDetail, Status: "active", SourceApp: f.SourceApp, CreatedBy: f.CreatedBy,
		CreatedAt: stamp(f.CreatedAt), UpdatedAt: stamp(f.UpdatedAt), DeletedAt: stampOrNull(f.DeletedAt)}
	if f.DeletedAt != nil {
		out.Status = "trashed"
	}
	return out
}

type listFilesIn struct {
	Page
	Trash      bool   `query:"trash" doc:"List the trash instead of what is live."`
	Trashed    bool   `query:"trashed" doc:"The same as trash."`
	SpaceID    string `query:"space_id" doc:"Only files in this space."`
	FolderID   string `query:"folder_id" doc:"Only files directly in this folder; root for those directly in the space."`
	ScanStatus string `query:"scan_status" enum:"pending,clean,infected" doc:"Only files with this verdict."`
	App        string `query:"app" maxLength:"255" format:"maybe-text" doc:"Only files that this app uploaded."`
}

func (o *Origin) listFiles(ctx context.Context, in *listFilesIn) (*list[file], error) {
	filter, err := listFilter(in.SpaceID, in.FolderID, in.Trash || in.Trashed)
	if err != nil {
		return nil, err
	}
	if in.App != "" {
		if err := checkText("app", in.App, maxName); err != nil {
			return nil, err
		}
	}
	if err := o.checkPlace(ctx, filter); err != nil {
		return nil, err
	}
	filter.ScanStatus, filter.App, filter.Page = in.ScanStatus, in.App, in.wanted()
	some, err := o.Store.Files(ctx, caller(ctx).TenantID, filter)
	return paged(&in.Page, some, func(f store.File) store.Cursor { return store.Cursor{CreatedAt: f.CreatedAt, ID: f.ID} }, fileOf), err
}

type resolveFileIn struct {
	ClientKey string `query:"client_key" required:"true" minLength:"1" maxLength:"1024" format:"text" doc:"As it was given when the file was uploaded."`
	App       string `query:"app" maxLength:"255" format:"maybe-text" doc:"Only a file that this app uploaded."`
}

func (o *Origin) resolveFile(ctx context.Context, in *resolveFileIn) (*shown[file], error) {
	if err := checkText("client_key", in.ClientKey, maxText); err != nil {
		return nil, err
	}
	if in.App != "" {
		if err := checkText("app", in.App, maxName); err != nil {
			return nil, err
		}
	}
	f, err := o.Store.ResolveFile(ctx, caller(ctx).TenantID, in.ClientKey, in.App)
	return show(fileOf(f)), err
}

func (o *Origin) getFile(ctx context.Context, in *Thing) (*shown[file], error) {
	return on(ctx, in, "file", fileOf, o.Store.File)
}

func (o *Origin) deleteFile(ctx context.Context, in *Thing) (*shown[file], error) {
	return on(ctx, in, "file", fileOf, o.Store.TrashFile)
}

func (o *Origin) restoreFile(ctx context.Context, in *Thing) (*shown[file], error) {
	return on(ctx, in, "file", fileOf, o.Store.RestoreFile)
}

func (o *Origin) purgeFile(ctx context.Context, in *Thing) (*none, error) {
	_, err := on(ctx, in, "file", fileOf, o.Store.PurgeFile)
	return nil, err
}

type updateFileIn struct {
	Thing
	Body struct {
		OriginalName *string        `json:"original_name" minLength:"1" maxLength:"255" format:"file-name"`
		Name         *string        `json:"name" minLength:"1" maxLength:"255" format:"file-name" doc:"The same as original_name."`
		FolderID     change[string] `json:"folder_id" doc:"A folder in the same space; null for the space's root."`
	}
}

func (o *Origin) updateFile(ctx context.Context, in *updateFileIn) (*shown[file], error) {
	name, field := in.Body.OriginalName, "original_name"
	if name == nil {
		name, field = in.Body.Name, "name"
	}
	if in.Body.Name != nil && field != "name" {
		if err := checkName("name", *in.Body.Name); err != nil {
			return nil, err
		}
	}
	if name != nil {
		if err := checkName(field, *name); err != nil {
			return nil, err
		}
	}
	to, err := placement(in.Body.FolderID, "folder")
	if err != nil {
		return nil, err
	}
	return on(ctx, &in.Thing, "file", fileOf, func(ctx context.Context, tenantID, id string) (store.File, error) {
		return o.Store.UpdateFile(ctx, tenantID, id, name, to)
	})
}

type presigned struct {
	Body struct {
		URL       string `json:"url"`
		ExpiresAt string `json:"expires_at"`
	}
}

func (o *Origin) downloadFile(ctx context.Context, in *byID) (*presigned, error) {
	return o.presignGet(ctx, in.ID, share.Download)
}

func (o *Origin) previewFile(ctx context.Context, in *byID) (*presigned, error) {
	return o.presignGet(ctx, in.ID, share.View)
}

// presignGet answers with a short-lived URL of the bytes, for their owner.
// Content that could run something is never shown inline, not even to its owner.
func (o *Origin) presignGet(ctx context.Context, text string, permission share.Permission) (*presigned, error) {
	id, err := parseID(text, "file")
	if err != nil {
		return nil, err
	}
	f, err := o.Store.File(ctx, caller(ctx).TenantID, id)
	if err != nil {
		return nil, err
	}
	if err := store.Shareable(f); err != nil {
		return nil, err
	}
	mime, kind := mediatype.ShowAs(deref(f.MIME), permission)
	signed, err := o.Objects.PresignGet(ctx, objects.GetSpec{Key: f.Object.Key, Name: f.OriginalName, Disposition: kind, ContentType: mime, Expires: o.config.DownloadLifetime})
	if err != nil {
		return nil, err
	}
	out := &presigned{}
	out.Body.URL, out.Body.ExpiresAt = signed.URL, stamp(signed.Expires.UnixMicro())
	return out, nil
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
