package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

// follow goes along a list's Link headers and returns the ids, and how many pages
// they came in.
func follow(t *testing.T, c *testsystem.Client, path string) (ids []string, n int) {
	t.Helper()
	for path != "" {
		a := c.Must(t, 200, "GET", path, nil)
		n++
		for _, one := range a.List {
			ids = append(ids, fmt.Sprint(one["id"]))
		}
		link := a.Header.Get("Link")
		path = strings.TrimSuffix(strings.TrimPrefix(link, "</api/v1"), `>; rel="next"`)
		if link != "" && path == link {
			t.Fatalf("Link = %s", link)
		}
	}
	return ids, n
}

func testPages(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	if ids, n := follow(t, c, "/spaces?limit=1"); len(ids) != 1 || n != 1 {
		t.Errorf("a new tenant's spaces: %v in %d pages; want its first, in one", ids, n)
	}
	space := c.Space(t)
	file := c.CleanFile(t, space, "a", "text/plain", text(t))
	for range 4 {
		c.Share(t, file, nil)
		c.Space(t)
		c.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "f", "space_id": space})
		c.CleanFile(t, space, "a", "text/plain", text(t))
	}
	ended, _ := c.Share(t, file, nil)
	c.Must(t, 200, "DELETE", "/shares/"+ended, nil)
	for _, list := range []struct {
		path string
		want int
	}{
		{"/spaces?", 6}, {"/folders?space_id=" + space + "&parent_id=root&", 4}, {"/files?space_id=" + space + "&scan_status=clean&", 5},
		{"/files?", 5}, {"/shares?file_id=" + file + "&active=true&", 4}, {"/shares?include_inactive=true&", 5},
	} {
		all, n := follow(t, c, list.path)
		if len(all) != list.want || n != 1 {
			t.Errorf("%s: %d in %d pages; want %d in one", list.path, len(all), n, list.want)
		}
		for limit := 1; limit <= len(all)+1; limit++ {
			got, n := follow(t, c, list.path+fmt.Sprint("limit=", limit))
			if !slices.Equal(got, all) || n != (len(all)+limit-1)/limit {
				t.Errorf("%slimit=%d: %v in %d pages; want %v", list.path, limit, got, n, all)
			}
		}
	}
	for query, field := range map[string]string{"limit=0": "limit", "limit=1001": "limit", "limit=x": "limit", "limit=-1": "limit", "cursor=x": "cursor", "cursor=MSBh": "cursor", "cursor=!": "cursor"} {
		if a := c.Must(t, 422, "GET", "/files?"+query, nil); !strings.HasPrefix(a.Detail(), field+": ") {
			t.Errorf("%s: %s; want the field named", query, a.Raw)
		}
	}
}
