package store

import (
	"testing"
	"time"
)

// TestDeeds wants a change and its line in the log to be there together.
func TestDeeds(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := Audited(t.Context(), Deed{ID: newID(), TenantID: b.tenant, Who: "key:k", Operation: "op", Source: "::1", RequestID: "r"})
		deeds := func(tenant string, want int) []Deed {
			t.Helper()
			got, err := b.Deeds(t.Context(), tenant, time.Hour, 100)
			if err != nil || len(got) != want {
				t.Fatalf("deeds = %+v, %v; want %d", got, err, want)
			}
			return got
		}
		if _, err := b.CreateFolder(ctx, b.tenant, newID(), nil, "nowhere"); !isNotFound(err) {
			t.Fatal(err)
		}
		deeds("", 0) // nothing was changed
		v, err := b.CreateSpace(ctx, b.tenant, "s", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.RenameSpace(ctx, b.tenant, v.ID, "t"); err != nil { // the same deed goes on
			t.Fatal(err)
		}
		if got := deeds(b.tenant, 1)[0]; got.Who != "key:k" || got.Operation != "op" || got.Target != v.ID || got.Source != "::1" || got.RequestID != "r" || got.At != b.micros() {
			t.Errorf("deed = %+v", got)
		}
		b.clock.add(time.Second)
		system := Audited(t.Context(), Deed{Who: "system", Operation: "purge"})
		for range 2 {
			f := b.clean(t)
			if _, err := b.TrashFile(t.Context(), b.tenant, f.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.PurgeTrash(system, Trash{Until: b.micros()}, 10); err != nil {
			t.Fatal(err)
		}
		if all := deeds("", 3); all[0].Who != "system" || all[0].Target == all[1].Target || all[2].Who != "key:k" {
			t.Errorf("deeds = %+v; want two purges, then the space", all)
		}
		deeds(b.tenant, 1)
		deeds(newID(), 0)
		if n, err := b.SweepAudit(t.Context(), time.Second, 10); err != nil || n != 1 {
			t.Errorf("swept %d, %v; want the oldest", n, err)
		}
		deeds("", 2)
	})
}
