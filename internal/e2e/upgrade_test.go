package e2e

import (
	"bytes"
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
	previous, migration, err := testsystem.Previous(t, "origin")
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

// TestEdgeBeforeServesNothingToBeConfirmed: an edge that knows nothing of confirm can't
// read the records of such links, from the shared cache or the origin, and says so with
// 503; all other links it serves. Once the version before knows of it, it may ask.
func TestEdgeBeforeServesNothingToBeConfirmed(t *testing.T) {
	t.Parallel()
	previous, migration, err := testsystem.Previous(t, "edge")
	if errors.Is(err, testsystem.ErrNoHistory) {
		t.Skipf("NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := testsystem.Production(t)
	files, ops := testsystem.Address(t), testsystem.Address(t)
	own := []string{"FILES_ADDR=" + files, "OPS_ADDR=" + ops, "EDGE_NAME=before", "EDGE_JOURNAL_DIR=" + t.TempDir()}
	for _, name := range []string{
		"ORIGIN_URL", "TOKEN_KEYS", "INTERNAL_KEY", "REDIS_URL", "S3_ENDPOINT", "S3_REGION", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY", "LEASE_KEY",
	} {
		own = append(own, name+"="+s.Edges[0].Setting(name))
	}
	testsystem.RunForeign(t, previous, own, "http://"+ops+"/readyz")
	c, content, old := s.Client(), text(t), "http://"+files
	file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", content)
	refused := func(path string) error {
		for _, request := range [][]string{{"GET"}, {"HEAD"}, {"GET", "Range", "bytes=0-3"}, {"GET", "Accept", "text/html"}} {
			response, body, err := testsystem.Fetch(t, request[0], old+path, request[1:]...)
			if err != nil {
				return err
			}
			if got := response.StatusCode; got != 503 && got != 403 || bytes.Contains(body, content[:11]) || response.Header.Get("ETag") != "" {
				return fmt.Errorf("%v = %d %v %q; want 503 and nothing of the file", request, got, response.Header, body)
			}
		}
		return nil
	}
	for _, fields := range []testsystem.Object{{"confirm": true}, {"confirm": true, "max_downloads": 1}} {
		id, path := c.Share(t, file, fields)
		for _, when := range []string{"asked of the origin", "perhaps kept in the shared cache"} {
			if err := refused(path); err != nil {
				t.Errorf("%v, %s: %v", fields, when, err)
			}
			status(t, s.Files[0]+path) // puts it there
		}
		if got := c.Must(t, http.StatusOK, "GET", "/shares/"+id, nil).Number("download_count"); got != 0 {
			t.Errorf("%v: download_count = %d; want 0", fields, got)
		}
	}
	id, path := c.Share(t, file, nil)
	for _, confirm := range []bool{false, true, false} {
		c.Must(t, http.StatusOK, "PATCH", "/shares/"+id, testsystem.Object{"confirm": confirm})
		testsystem.Until(t, heard, fmt.Sprintf("the edge before to hear of confirm %v", confirm), func() error {
			if confirm {
				return refused(path)
			}
			if got := status(t, old+path); got != 200 {
				return fmt.Errorf("GET = %d; want 200", got)
			}
			return nil
		})
	}
	t.Logf("the edge before %s refuses", migration)
}
