package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// TestVersionBeforeLivesOn runs the origin of before the newest migration while the
// schema changes under it, and starts it again afterwards, as happens to one that is
// moved in the middle of a roll-out, or when a roll-out is taken back. Both versions
// do a partner's whole job on one database. The lint on migrations
// (TestMigrationsKeepTheVersionBefore) is what holds where there is no history.
func TestVersionBeforeLivesOn(t *testing.T) {
	t.Parallel()
	previous, migration, err := testsystem.PreviousOrigin(t)
	if errors.Is(err, testsystem.ErrNoHistory) {
		t.Skipf("NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := testsystem.Production(t)
	dsn := testenv.Postgres(t)
	settings := func(dsn string) (own []string, api, ready string) {
		public, private, ops := testsystem.Address(t), testsystem.Address(t), testsystem.Address(t)
		for _, name := range []string{
			"TOKEN_KEYS", "INTERNAL_KEY", "REDIS_URL", "S3_ENDPOINT", "S3_REGION", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY",
			"MINT_SECRET", "FILES_URL", "CLAMD_HOSTS", "CLAMD_MAX_SIZE", "LIMIT_REQUESTS",
		} {
			own = append(own, name+"="+s.Origin.Setting(name))
		}
		return append(own, "DATABASE_URL="+dsn, "API_ADDR="+public, "INTERNAL_ADDR="+private, "OPS_ADDR="+ops), "http://" + public, "http://" + ops + "/readyz"
	}
	before, apiBefore, readyBefore := settings(dsn)
	after, apiAfter, readyAfter := settings(dsn)

	old := testsystem.RunForeign(t, previous, before, readyBefore) // makes its own schema
	own := testsystem.OnDatabase(dsn, apiBefore)
	key := own.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}) // the newer command migrates, under its feet
	oldAPI, newAPI := &testsystem.Client{API: apiBefore, Key: key}, &testsystem.Client{API: apiAfter, Key: key}
	wholeJob(t, oldAPI, "before, on the newer schema")
	testsystem.Run(t, "origin", after, readyAfter)
	for round, c := range []*testsystem.Client{newAPI, oldAPI, newAPI} {
		wholeJob(t, c, fmt.Sprint("side by side, ", round))
	}
	old.Stop()
	old.Start()
	wholeJob(t, oldAPI, "started again on the newer schema")
	wholeJob(t, newAPI, "after that")
	t.Logf("the version before %s lives on", migration)
}

// wholeJob uploads, shares, changes, revokes, trashes, restores and purges.
func wholeJob(t *testing.T, c *testsystem.Client, when string) {
	t.Helper()
	space := c.Space(t)
	file := c.CleanFile(t, space, when+".txt", "text/plain", []byte(when))
	id, _ := c.Share(t, file, testsystem.Object{"max_downloads": 7, "expires_in_days": 3})
	c.Must(t, http.StatusOK, "PATCH", "/shares/"+id, testsystem.Object{"max_downloads": 9})
	if got := c.Must(t, http.StatusOK, "GET", "/shares/"+id, nil).Number("max_downloads"); got != 9 {
		t.Errorf("%s: max_downloads = %d; want 9", when, got)
	}
	c.Must(t, http.StatusOK, "DELETE", "/shares/"+id, nil)
	c.Must(t, http.StatusOK, "DELETE", "/files/"+file, nil)
	c.Must(t, http.StatusOK, "POST", "/files/"+file+"/restore", nil)
	c.Must(t, http.StatusNoContent, "DELETE", "/gdpr/files/"+file, nil)
	c.Must(t, http.StatusNotFound, "GET", "/files/"+file, nil)
	c.Must(t, http.StatusOK, "GET", "/quota", nil)
}
