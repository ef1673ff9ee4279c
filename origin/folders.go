package origin

import (
	"context"

	"rawlink/origin/store"
)

// folder is a Folder as clients see it.
type folder struct {
	ID        string  `json:"id"`
	TenantID  string  `json:"tenant_id"`
	SpaceID   string  `json:"space_id"`
	ParentID  *string `json:"parent_id"`
	Name      string  `json:"name"`
	CreatedAt string  `json:"created_at"`
	UpdatedAt string  `json:"updated_at"`
	DeletedAt *string `json:"deleted_at"`
}

func folderOf(f store.Folder) folder {
	return folder{ID: f.ID, TenantID: f.TenantID, SpaceID: f.SpaceID, ParentID: f.ParentID, Name: f.Name,
		CreatedAt: stamp(f.CreatedAt), UpdatedAt: stamp(f.UpdatedAt), DeletedAt: stampOrNull(f.DeletedAt)}
}

type listFoldersIn struct {
	Page
	Trash    bool   `query:"trash" doc:"List the trash instead of what is live."`
	Trashed  bool   `query:"trashed" doc:"The same as trash."`
	SpaceID  string `query:"space_id" doc:"Only folders in this space."`
	ParentID string `query:"parent_id" doc:"Only folders directly in this folder; root for those directly in the space."`
}

// listFilter checks the ids of a list's query. An unknown id filters everything
// out: what it would name holds nothing of this tenant's.
func listFilter(spaceID, folderID string, trashed bool) (store.ListFilter, error) {
	filter := store.ListFilter{FolderID: folderID, Trashed: trashed}
	var err error
	if spaceID != "" {
		if filter.SpaceID, err = parseID(spaceID, "space"); err != nil {
			return filter, err
		}
	}
	if folderID != "" && folderID != store.Root {
		filter.FolderID, err = parseID(folderID, "folder")
	}
	return filter, err
}

func (o *Origin) listFolders(ctx context.Context, in *listFoldersIn) (*list[folder], error) {
	filter, err := listFilter(in.SpaceID, in.ParentID, in.Trash || in.Trashed)
	if err != nil {
		return nil, err
	}
	if err := o.checkPlace(ctx, filter); err != nil {
		return nil, err
	}
	filter.Page = in.wanted()
	some, err := o.Store.Folders(ctx, caller(ctx).TenantID, filter)
	return paged(&in.Page, some, func(f store.Folder) store.Cursor { return store.Cursor{CreatedAt: f.CreatedAt, ID: f.ID} }, folderOf), err
}

// checkPlace answers 404 for a list of a space or folder that isn't there. A deleted
// space is still there for lists of the trash.
func (o *Origin) checkPlace(ctx context.Context, filter store.ListFilter) error {
	tenant := caller(ctx).TenantID
	if filter.SpaceID != "" {
		space := o.Store.Space
		if filter.Trashed {
			space = o.Store.AnySpace
		}
		if _, err := space(ctx, tenant, filter.SpaceID); err != nil {
			return err
		}
	}
	if filter.FolderID != "" && filter.FolderID != store.Root {
		_, err := o.Store.Folder(ctx, tenant, filter.FolderID)
		return err
	}
	return nil
}

type createFolderIn struct {
	Body struct {
		Name     string  `json:"name" required:"true" minLength:"1" maxLength:"255" format:"file-name"`
		SpaceID  string  `json:"space_id" required:"true"`
		ParentID *string `json:"parent_id"`
	}
}

func (o *Origin) createFolder(ctx context.Context, in *createFolderIn) (*shown[folder], error) {
	if err := checkName("name", in.Body.Name); err != nil {
		return nil, err
	}
	spaceID, err := parseID(in.Body.SpaceID, "space")
	if err != nil {
		return nil, err
	}
	parentID, err := optionalID(in.Body.ParentID, "parent folder")
	if err != nil {
		return nil, err
	}
	f, err := o.Store.CreateFolder(ctx, caller(ctx).TenantID, spaceID, parentID, in.Body.Name)
	return show(folderOf(f)), err
}

func (o *Origin) getFolder(ctx context.Context, in *Thing) (*shown[folder], error) {
	return on(ctx, in, "folder", folderOf, o.Store.Folder)
}

func (o *Origin) deleteFolder(ctx context.Context, in *Thing) (*shown[folder], error) {
	return on(ctx, in, "folder", folderOf, o.Store.TrashFolder)
}

func (o *Origin) restoreFolder(ctx context.Context, in *Thing) (*shown[folder], error) {
	return on(ctx, in, "folder", folderOf, o.Store.RestoreFolder)
}

type updateFolderIn struct {
	Thing
	Body struct {
		Name     *string        `json:"name" minLength:"1" maxLength:"255" format:"file-name"`
		ParentID change[string] `json:"parent_id" doc:"A folder in the same space; null for the space's root."`
	}
}

func (o *Origin) updateFolder(ctx context.Context, in *updateFolderIn) (*shown[folder], error) {
	if in.Body.Name != nil {
		if err := checkName("name", *in.Body.Name); err != nil {
			return nil, err
		}
	}
	to, err := placement(in.Body.ParentID, "parent folder")
	if err != nil {
		return nil, err
	}
	return on(ctx, &in.Thing, "folder", folderOf, func(ctx context.Context, tenantID, id string) (store.Folder, error) {
		return o.Store.UpdateFolder(ctx, tenantID, id, in.Body.Name, to)
	})
}

type folderStats struct {
	Body struct {
		FolderID    string `json:"folder_id"`
		FolderCount int64  `json:"folder_count"`
		FileCount   int64  `json:"file_count"`
		TotalBytes  int64  `json:"total_bytes"`
	}
}

func (o *Origin) folderStats(ctx context.Context, in *byID) (*folderStats, error) {
	id, err := parseID(in.ID, "folder")
	if err != nil {
		return nil, err
	}
	stats, err := o.Store.FolderStats(ctx, caller(ctx).TenantID, id)
	out := &folderStats{}
	out.Body.FolderID, out.Body.FolderCount, out.Body.FileCount, out.Body.TotalBytes = stats.FolderID, stats.Folders, stats.Files, stats.Bytes
	return out, err
}
