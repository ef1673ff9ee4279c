package e2e

import (
	"testing"

	"rawlink/internal/testsystem"
)

func testFolders(t *testing.T, s *testsystem.System) {
	c := s.Client()
	space := c.Space(t)
	folder := func(name, parent string) string {
		body := testsystem.Object{"name": name, "space_id": space}
		if parent != "" {
			body["parent_id"] = parent
		}
		return c.Must(t, 201, "POST", "/folders", body).Text("id")
	}
	top := folder("top", "")
	middle := folder("middle", top)
	bottom := folder("bottom", middle)
	file := c.CleanFile(t, space, "deep.txt", "text/plain", text(t))
	loner := c.CleanFile(t, space, "loner.txt", "text/plain", text(t))
	moved := c.Must(t, 200, "PATCH", "/files/"+file, testsystem.Object{"folder_id": bottom, "name": "deeper.txt"})
	if moved.Text("folder_id") != bottom || moved.Text("original_name") != "deeper.txt" || moved.Text("name") != "deeper.txt" {
		t.Errorf("rename and move = %s", moved.Raw)
	}
	_, path := c.Share(t, file, nil)

	stats := c.Must(t, 200, "GET", "/folders/"+top+"/stats", nil)
	if stats.Number("file_count") != 1 || stats.Number("folder_count") != 2 || stats.Number("total_bytes") != int64(len(text(t))) {
		t.Errorf("stats = %s", stats.Raw)
	}
	for _, under := range []string{top, middle, bottom} { // never into itself or below
		c.Must(t, 409, "PATCH", "/folders/"+top, testsystem.Object{"parent_id": under})
	}
	for query, want := range map[string]int{"": 3, "&parent_id=root": 1, "&parent_id=" + top: 1, "&trash=true": 0} {
		if got := len(c.Must(t, 200, "GET", "/folders?space_id="+space+query, nil).List); got != want {
			t.Errorf("folders%s: %d; want %d", query, got, want)
		}
	}

	// What was trashed before stays so when its parent comes back.
	early := folder("early", middle)
	c.Must(t, 200, "DELETE", "/folders/"+early, nil)
	c.Must(t, 200, "DELETE", "/folders/"+top, nil)
	everywhere(t, s, path, 404)
	c.Must(t, 409, "POST", "/folders/"+early+"/restore", nil) // its place is in the trash
	c.Must(t, 404, "POST", "/folders", testsystem.Object{"name": "x", "space_id": space, "parent_id": middle})
	if got := len(c.Must(t, 200, "GET", "/folders?trashed=true&space_id="+space, nil).List); got != 4 {
		t.Errorf("%d folders in the trash; want 4", got)
	}
	c.Must(t, 200, "POST", "/folders/"+top+"/restore", nil)
	everywhere(t, s, path, 200)
	if got := c.Must(t, 200, "GET", "/folders/"+early, nil).Text("deleted_at"); got == "" {
		t.Error("a folder that was trashed earlier came back too")
	}
	if got := c.Must(t, 200, "GET", "/files/"+loner, nil).Text("status"); got != "active" {
		t.Errorf("a file outside the folder is %s", got)
	}
	root := c.Must(t, 200, "PATCH", "/folders/"+middle, testsystem.Object{"parent_id": nil})
	if root.Body["parent_id"] != nil || root.Text("name") != "middle" {
		t.Errorf("move to the root = %s", root.Raw)
	}

	c.Must(t, 409, "DELETE", "/spaces/"+space, nil)
	c.Must(t, 204, "DELETE", "/spaces/"+space+"?recursive=true", nil)
	everywhere(t, s, path, 404)
	c.Must(t, 404, "GET", "/spaces/"+space, nil)
}

func testClientKeys(t *testing.T, s *testsystem.System) {
	c := s.Client()
	space := c.Space(t)
	other := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	key := testsystem.Object{"client_key": "results/job 7/" + s.Name + ".png"}
	query := "/files/resolve?client_key=results%2Fjob%207%2F" + s.Name + ".png"
	c.Must(t, 404, "GET", query, nil)
	first := c.Upload(t, space, "one.txt", "text/plain", []byte("one"), key).Text("id")
	if got := c.Must(t, 200, "GET", query, nil); got.Text("id") != first {
		t.Errorf("resolve = %s; want the first upload", got.Raw)
	}
	second := c.Upload(t, space, "two.txt", "text/plain", []byte("two!"), key).Text("id")
	if got := c.Must(t, 200, "GET", query, nil); got.Text("id") != second {
		t.Errorf("resolve = %s; want the newest upload", got.Raw)
	}
	c.Must(t, 200, "DELETE", "/files/"+second, nil)
	if got := c.Must(t, 200, "GET", query, nil); got.Text("id") != first {
		t.Errorf("resolve = %s; want the newest live upload", got.Raw)
	}
	other.Must(t, 404, "GET", query, nil)
	c.Must(t, 422, "GET", "/files/resolve", nil)
}
