package origin

import (
	"testing"

	"rawlink/internal/testsystem"
)

// TestDeletedSpace deletes a space with all that it holds: from then on its id names
// its trash and nothing else, until something of it is restored.
func TestDeletedSpace(t *testing.T) {
	r := serve(t, nil)
	space := r.Space(t)
	folder := r.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "f", "space_id": space}).Text("id")
	file := r.Upload(t, space, "f.txt", "text/plain", []byte("deleted with its space"), nil).Text("id")
	r.Must(t, 204, "DELETE", "/spaces/"+space+"?recursive=true", nil)
	for _, list := range []struct{ path, holds string }{{"/folders", folder}, {"/files", file}} {
		r.Must(t, 404, "GET", list.path+"?space_id="+space, nil)
		for _, query := range []string{"?trashed=true", "?trashed=true&space_id=" + space} {
			some := r.Must(t, 200, "GET", list.path+query, nil).List
			if len(some) != 1 || some[0]["id"] != list.holds || some[0]["space_id"] != space {
				t.Errorf("GET %s%s = %v; want %s of space %s", list.path, query, some, list.holds, space)
			}
		}
	}
	r.Must(t, 200, "POST", "/files/"+file+"/restore", nil)
	r.Must(t, 200, "GET", "/spaces/"+space, nil)
	r.Must(t, 204, "DELETE", "/spaces/"+space+"?recursive=true", nil)
	if purged := r.Must(t, 202, "DELETE", "/gdpr/trash?space_id="+space, nil).Number("file_count"); purged != 1 {
		t.Errorf("%d files are purged; want 1", purged)
	}
}
