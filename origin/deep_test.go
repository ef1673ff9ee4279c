package origin

import (
	"fmt"
	"testing"

	"rawlink/internal/testsystem"
)

// TestDeepFolders works on a chain of 10,000 folders as on one.
func TestDeepFolders(t *testing.T) {
	const depth = 10_000
	r := serve(t, nil)
	space := r.Space(t)
	id := func(level int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", level) }
	r.exec(t, `WITH RECURSIVE chain (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM chain WHERE n < $3)
		INSERT INTO folders (id, tenant_id, space_id, parent_id, name, created_at, updated_at)
		SELECT '00000000-0000-4000-8000-' || substr('000000000000' || n, -12), $1, $2,
			CASE WHEN n > 1 THEN '00000000-0000-4000-8000-' || substr('000000000000' || (n - 1), -12) END, 'f' || n, n, n FROM chain`, r.tenant, space, depth)
	top, bottom := id(1), id(depth)
	count := func(want int64) {
		t.Helper()
		if got := r.Must(t, 200, "GET", "/folders/"+top+"/stats", nil).Number("folder_count"); got != want {
			t.Errorf("folder_count = %d; want %d", got, want)
		}
	}
	count(depth - 1)
	r.Must(t, 409, "PATCH", "/folders/"+top, testsystem.Object{"parent_id": bottom})
	r.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "deeper", "space_id": space, "parent_id": bottom})
	count(depth)
	r.Must(t, 200, "DELETE", "/folders/"+top, nil)
	if trashed := r.Must(t, 200, "GET", "/folders?trashed=true&limit=1000", nil).List; len(trashed) != 1000 {
		t.Errorf("a page of the trash has %d folders; want 1000", len(trashed))
	}
	r.Must(t, 409, "POST", "/folders/"+bottom+"/restore", nil)
	r.Must(t, 200, "POST", "/folders/"+top+"/restore", nil)
	count(depth)
	r.Must(t, 204, "DELETE", "/spaces/"+space+"?recursive=true", nil)
}
