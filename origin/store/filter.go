package store

import "strconv"

// ListFilter narrows a list of folders or files. Empty fields do not narrow.
type ListFilter struct {
	SpaceID    string
	FolderID   string // the folder that holds what is listed, or Root
	Trashed    bool   // list the trash instead of what is live
	ScanStatus string // files only
	App        string // files only
	Page       Page
}

// Root stands for "directly in the space" where a folder id is expected.
const Root = "root"

// where renders the filter as a condition whose first argument is the tenant.
// live and inTrash are the conditions for what is not trashed and what is.
func (f ListFilter) where(folderColumn, live, inTrash, tenantID string) (string, []any) {
	condition, args := `tenant_id = $1`, []any{tenantID}
	equal := func(column, value string) {
		if value != "" {
			args = append(args, value)
			condition += ` AND ` + column + ` = $` + strconv.Itoa(len(args))
		}
	}
	equal("space_id", f.SpaceID)
	if f.FolderID == Root {
		condition += ` AND ` + folderColumn + ` IS NULL`
	} else {
		equal(folderColumn, f.FolderID)
	}
	equal("scan_status", f.ScanStatus)
	equal("source_app", f.App)
	if f.Trashed {
		return condition + ` AND ` + inTrash, args
	}
	return condition + ` AND ` + live, args
}
