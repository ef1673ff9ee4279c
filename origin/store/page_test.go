package store

import (
	"slices"
	"strings"
	"testing"

	"rawlink/internal/share"
)

// TestPages reads each list page by page, with rows of one age among them, and
// wants the whole list, in its order.
func TestPages(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		file := b.clean(t)
		for i := range 6 {
			if i%3 == 0 {
				b.clock.add(1000)
			}
			b.upload(t, 1)
			b.link(t, file.ID, nil)
			if _, err := b.CreateFolder(ctx, b.tenant, b.space, nil, "f"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.CreateSpace(ctx, b.tenant, "s", nil); err != nil {
				t.Fatal(err)
			}
		}
		for name, list := range b.lists(t, file.ID) {
			all := list(Page{})
			if len(all) < 6 {
				t.Fatalf("%s: %d in all; want at least 6", name, len(all))
			}
			for _, limit := range []int{1, 2, 5, len(all), len(all) + 1} {
				var got []Cursor
				page := Page{Limit: limit}
				for {
					some := list(page)
					if len(some) > limit {
						t.Fatalf("%s: %d in a page of %d", name, len(some), limit)
					}
					got = append(got, some...)
					if len(some) < limit {
						break
					}
					page.After = &some[limit-1]
				}
				if !slices.Equal(got, all) {
					t.Errorf("%s in pages of %d: %v; want %v", name, limit, got, all)
				}
			}
		}
	})
}

// lists are the ways to list things.
func (b *bench) lists(t *testing.T, fileID string) map[string]func(Page) []Cursor {
	yes := true
	return map[string]func(Page) []Cursor{
		"spaces": func(p Page) []Cursor {
			all, err := b.Spaces(t.Context(), b.tenant, p)
			return places(t, all, err, func(v Space) Cursor { return Cursor{v.CreatedAt, v.ID} })
		},
		"folders": func(p Page) []Cursor {
			all, err := b.Folders(t.Context(), b.tenant, ListFilter{SpaceID: b.space, FolderID: Root, Page: p})
			return places(t, all, err, func(v Folder) Cursor { return Cursor{v.CreatedAt, v.ID} })
		},
		"files": func(p Page) []Cursor {
			all, err := b.Files(t.Context(), b.tenant, ListFilter{ScanStatus: string(share.Pending), Page: p})
			return places(t, all, err, func(v File) Cursor { return Cursor{v.CreatedAt, v.ID} })
		},
		"shares": func(p Page) []Cursor {
			all, err := b.Shares(t.Context(), b.tenant, ShareFilter{FileID: fileID, Active: &yes, Page: p})
			return places(t, all, err, func(v Share) Cursor { return Cursor{v.CreatedAt, v.ID} })
		},
	}
}

func places[T any](t *testing.T, all []T, err error, place func(T) Cursor) []Cursor {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]Cursor, len(all))
	for i, one := range all {
		out[i] = place(one)
	}
	return out
}

// TestPagesAreIndexed asks both engines how they read a page of each list, far
// from its start and among many rows: a range of an index from the cursor on, in
// its order. Whatever sorts, or reads a table or a list from its start, costs more
// for each page than for the one before.
func TestPagesAreIndexed(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		b.fill(t, nil, 10_000)
		b.exec(t, `ANALYZE`)
		for name, filter := range map[string]ListFilter{"files": {}, "files of a space": {SpaceID: b.space}} {
			filter.Page.Limit = 100
			text, args := filesQuery(b.tenant, filter)
			if plan := b.plan(t, text, args); strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan on files") || strings.Contains(plan, "B-TREE") {
				t.Errorf("%s, where there is no folder: want an index's order, not\n%s", name, plan)
			}
		}
		folder, err := b.CreateFolder(t.Context(), b.tenant, b.space, nil, "f")
		if err != nil {
			t.Fatal(err)
		}
		b.fill(t, &folder.ID, 10_000)
		b.fillFolders(t, nil, 5000)
		b.fillFolders(t, &folder.ID, 5000)
		b.exec(t, `ANALYZE`)
		page := Page{After: &Cursor{b.micros() + 5000, "m"}, Limit: 100}
		yes, no := true, false
		tests := map[string]func() (string, []any){
			"files":             func() (string, []any) { return filesQuery(b.tenant, ListFilter{Page: page}) },
			"files of a space":  func() (string, []any) { return filesQuery(b.tenant, ListFilter{SpaceID: b.space, Page: page}) },
			"files of a folder": func() (string, []any) { return filesQuery(b.tenant, ListFilter{FolderID: folder.ID, Page: page}) },
			"files of a folder of a space": func() (string, []any) {
				return filesQuery(b.tenant, ListFilter{SpaceID: b.space, FolderID: folder.ID, Page: page})
			},
			"files of a root": func() (string, []any) {
				return filesQuery(b.tenant, ListFilter{SpaceID: b.space, FolderID: Root, Page: page})
			},
			"clean files": func() (string, []any) { return filesQuery(b.tenant, ListFilter{ScanStatus: "clean", Page: page}) },
			"folders":     func() (string, []any) { return foldersQuery(b.tenant, ListFilter{Page: page}) },
			"folders of a root": func() (string, []any) {
				return foldersQuery(b.tenant, ListFilter{SpaceID: b.space, FolderID: Root, Page: page})
			},
			"folders of a folder": func() (string, []any) {
				return foldersQuery(b.tenant, ListFilter{FolderID: folder.ID, Page: page})
			},
			"shares": func() (string, []any) { return sharesQuery(b.tenant, ShareFilter{Page: page}, b.micros()) },
			"active shares": func() (string, []any) {
				return sharesQuery(b.tenant, ShareFilter{Active: &yes, Page: page}, b.micros())
			},
			"ended shares": func() (string, []any) { return sharesQuery(b.tenant, ShareFilter{Active: &no, Page: page}, b.micros()) },
			"shares of a file": func() (string, []any) {
				return sharesQuery(b.tenant, ShareFilter{FileID: fillID(0), Page: page}, b.micros())
			},
			"spaces": func() (string, []any) { return spacesQuery(b.tenant, page) },
		}
		for name, query := range tests {
			text, args := query()
			plan := b.plan(t, text, args)
			for _, wrong := range []string{"Sort", "Seq Scan on files", "Seq Scan on shares", "Seq Scan on folders  (", "Bitmap", "B-TREE", "SCAN files", "SCAN shares"} {
				if strings.Contains(plan, wrong) && name != "spaces" { // of which there is one
					t.Errorf("%s: want no %s in\n%s", name, wrong, plan)
				}
			}
			if name != "spaces" && !strings.Contains(plan, "(created_at,id)>") && !strings.Contains(plan, "Index Cond: ") {
				t.Errorf("%s: want a search from the cursor on, not\n%s", name, plan)
			}
			if name != "spaces" && strings.Contains(plan, "Index Scan") && !strings.Contains(plan, "ROW(created_at, id) > ROW(") {
				t.Errorf("%s: want an index condition with the cursor in\n%s", name, plan)
			}
		}
	})
}

// plan is how the engine would run a query.
func (b *bench) plan(t *testing.T, query string, args []any) string {
	t.Helper()
	explain, columns := `EXPLAIN `, 1
	if !b.onPostgres(t) {
		explain, columns = `EXPLAIN QUERY PLAN `, 4
	}
	rows, err := b.db.Read().QueryContext(t.Context(), explain+query, args...)
	lines, err := collect(rows, err, func(row scanner) (line string, err error) {
		into := make([]any, columns)
		for i := range into {
			into[i] = new(any)
		}
		into[columns-1] = &line
		return line, row.Scan(into...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// onPostgres reports which of both engines this is.
func (b *bench) onPostgres(t *testing.T) bool {
	t.Helper()
	return b.db.SkipLocked() != ""
}
