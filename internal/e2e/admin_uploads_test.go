package e2e

import (
	"testing"

	"rawlink/internal/testsystem"
)

// TestUploadsUnderWay shows who holds reserved bytes, and gives them back.
func TestUploadsUnderWay(t *testing.T) {
	t.Parallel()
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			var tenants []struct{ ID string }
			s.Admin(t, &tenants, "tenant", "create", "acme")
			mine, other := s.Client(), s.As(s.NewKey(t, tenants[0].ID))
			begin := func(c *testsystem.Client, size int) string {
				return c.Initiate(t, c.Space(t), "plans", "text/plain", size).Text("file_id")
			}
			first, second, third := begin(mine, 100), begin(other, 20), begin(other, 3)
			list := func(args ...string) (found []openUpload) {
				t.Helper()
				s.Admin(t, &found, append([]string{"uploads", "list"}, args...)...)
				return found
			}
			if all := list(); len(all) != 3 || all[0] != (openUpload{first, 100}) {
				t.Errorf("all uploads: %v; want three, the oldest first", all)
			}
			if some := list("--tenant", tenants[0].ID, "--limit=1"); len(some) != 1 || some[0] != (openUpload{second, 20}) {
				t.Errorf("the oldest of one tenant: %v", some)
			}
			s.AdminQuietly(t, "uploads", "release", third, "--tenant", tenants[0].ID)
			if got := other.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); got != 20 {
				t.Errorf("%d bytes used; want the 20 that are still reserved", got)
			}
			s.AdminFails(t, "uploads", "release", third, "--tenant", tenants[0].ID)
			s.AdminFails(t, "uploads", "release", second, "--tenant", "nobody")
			s.AdminFails(t, "uploads", "list", "--tenant", "nobody")
			s.AdminFails(t, "uploads", "list", "--limit=0")
			if left := list(); len(left) != 2 {
				t.Errorf("left: %v; want two", left)
			}
		})
	}
}

type openUpload struct {
	FileID string `json:"file_id"`
	Bytes  int
}
