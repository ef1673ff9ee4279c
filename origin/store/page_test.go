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

// TestPagesAreIndexed asks SQLite how it reads a page: from the cursor on, in
// the index's order, sorting nothing.
func TestPagesAreIndexed(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		if strings.HasSuffix(t.Name(), "postgres") {
			return // its planner reads tables this small from end to end
		}
		for table, column := range map[string]string{"spaces": "tenant_id", "folders": "space_id", "files": "space_id", "shares": "file_id"} {
			for _, column := range []string{"tenant_id", column} {
				query, args := Page{After: &Cursor{1, "x"}, Limit: 10}.of(`EXPLAIN QUERY PLAN SELECT id FROM `+table+` WHERE `+column+` = $1`, []any{"t"})
				rows, err := b.db.Read().QueryContext(t.Context(), query, args...)
				plan, err := collect(rows, err, func(row scanner) (detail string, err error) {
					var id, parent, unused int
					err = row.Scan(&id, &parent, &unused, &detail)
					return detail, err
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(plan, "; "); strings.Contains(got, "B-TREE") || strings.Contains(got, "SCAN") || !strings.Contains(got, "(created_at,id)>") {
					t.Errorf("%s by %s: %s; want a search from the cursor on", table, column, got)
				}
			}
		}
	})
}
