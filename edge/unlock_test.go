package edge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rawlink/internal/password"
	"rawlink/internal/share"
)

// behindProxy starts an edge whose clients are who X-Forwarded-For says.
func behindProxy(tb testing.TB, change func(*Config, *Parts, *world)) *world {
	return newWorld(tb, func(c *Config, p *Parts, w *world) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		if change != nil {
			change(c, p, w)
		}
	})
}

func withConfirm(r *share.Record) { r.Confirm = true }

// confirm posts as the page's button does, and returns where that leads.
func (w *world) confirm(path string, headers ...string) string {
	w.tb.Helper()
	got := w.post(path, formType, "", append([]string{"User-Agent", testAgent}, headers...)...)
	location := got.header.Get("Location")
	if got.status != 303 || !strings.HasPrefix(location, "?"+grantField) || got.header.Get("Cache-Control") != noStore ||
		got.header.Get("CDN-Cache-Control") != noStore || len(got.body) != 0 || len(got.header.Values("Set-Cookie")) != 0 {
		w.tb.Fatalf("POST: %d %v, %d bytes; want 303 to a grant", got.status, got.header, len(got.body))
	}
	return path + location
}

// whatever looks at a link that is to be confirmed gets no bytes and takes no
// download; whoever opens it by POST gets the file, and resumes for free.
func TestConfirm(t *testing.T) {
	w := behindProxy(t, nil)
	want := content(5000)
	path := w.link(want, func(r *share.Record) { withConfirm(r); r.MaxDownloads = 1 })
	etag := `"` + w.record(path).Object.SHA256 + `"`
	looks := [][]string{{"Range", "bytes=0-0"}, {"Range", "bytes=100-"}, {"If-None-Match", etag}, {"If-Match", `"x"`}, {"Sec-Purpose", "prefetch"},
		{"X-Share-Password", "x"}, {"Authorization", basic("x")}}
	for _, agent := range previewers {
		looks = append(looks, []string{"User-Agent", agent}, []string{"User-Agent", agent, "Range", "bytes=0-524287"})
	}
	for i := range 20 {
		looks = append(looks, []string{"User-Agent", browser, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8", "X-Forwarded-For", fmt.Sprint("192.0.2.", i)})
	}
	for _, look := range looks {
		for _, method := range []string{"GET", "HEAD"} {
			for _, query := range []string{"", "/a%20file.bin", "?grant=" + strings.Repeat("A", 43)} {
				w.wantUnconfirmed(w.do(method, path+query, look...), fmt.Sprint(method, query, look))
			}
		}
	}
	if opens, _ := w.storeUse(); opens != 0 || w.count(path) != 0 {
		t.Fatalf("looking took %d downloads, and %d reads of the store; want none", w.count(path), opens)
	}

	granted := w.confirm(path)
	if n := w.count(path); n != 0 {
		t.Errorf("POST counted %d; want 0", n)
	}
	w.wantUnconfirmed(w.get(granted, "X-Forwarded-For", "192.0.2.1"), "a grant of another address")
	w.wantUnconfirmed(w.get(path), "without the grant")
	if got := w.do("HEAD", granted); got.status != 200 || w.count(path) != 0 {
		t.Errorf("granted HEAD: %d, count %d; want 200, 0", got.status, w.count(path))
	}
	if got := w.get(granted); got.status != 200 || !bytes.Equal(got.body, want) || w.count(path) != 1 || got.header.Get("Cache-Control") != noStore {
		t.Errorf("granted: %d, %d bytes, count %d, %q", got.status, len(got.body), w.count(path), got.header.Get("Cache-Control"))
	}
	if got := w.get(granted, "Range", "bytes=100-"); got.status != 206 || !bytes.Equal(got.body, want[100:]) || w.count(path) != 1 {
		t.Errorf("resumed: %d, %d bytes, count %d", got.status, len(got.body), w.count(path))
	}
	w.change(path, func(r *share.Record) { r.Exhausted = true })
	w.edge.Invalidate(w.hash(path))
	if got := w.get(granted, "Range", "bytes=100-"); got.status != 206 {
		t.Errorf("resumed when it is used up: %d; want 206", got.status)
	}
	for what, got := range map[string]answer{"GET": w.get(path, "User-Agent", browser), "a granted GET": w.get(granted), "POST": w.post(path, formType, "", "User-Agent", browser)} {
		if got.status != 410 {
			t.Errorf("%s when it is used up: %d; want 410", what, got.status)
		}
	}
	if logs := w.logs.String(); strings.Contains(logs, "grant=") || strings.Contains(logs, granted[strings.Index(granted, "=")+1:]) || strings.Contains(logs, path[3:]) {
		t.Errorf("a grant or a token was logged: %s", logs)
	}
	for outcome, want := range map[string]float64{confirmGiven: 1, confirmGrant: 4} {
		if got := w.metric("rawlink_edge_confirmations_total", "outcome", outcome); got != want {
			t.Errorf("%v %s; want %v", got, outcome, want)
		}
	}
}

// wantUnconfirmed wants the answer that says to open the link by POST, and nothing of the file.
func (w *world) wantUnconfirmed(got answer, what string) {
	w.tb.Helper()
	if got.status != 403 || got.header.Get("Allow") != formMethods || got.header.Get("Cache-Control") != noStore || got.header.Get("CDN-Cache-Control") != noStore {
		w.tb.Errorf("%s: %d %v; want 403, POST allowed, no-store", what, got.status, got.header)
	}
	for _, header := range []string{"ETag", "Last-Modified", "Content-Disposition", "Content-Range", "Accept-Ranges", "Repr-Digest", "Surrogate-Key", "Cache-Tag", "WWW-Authenticate", "Set-Cookie"} {
		if got.header.Get(header) != "" {
			w.tb.Errorf("%s: tells %s", what, header)
		}
	}
	page := strings.HasPrefix(got.header.Get("Content-Type"), "text/html")
	switch body := string(got.body); {
	case page && got.header.Get("Content-Security-Policy") != formPolicy:
		w.tb.Errorf("%s: policy %s; want one under which the form may be sent", what, got.header.Get("Content-Security-Policy"))
	case body == "": // HEAD
	case page && (!strings.Contains(body, `<form method="post">`) || strings.Contains(body, "<input")):
		w.tb.Errorf("%s: no form of one button: %s", what, body)
	case !page && body != "{\"detail\":\"this link is opened with POST\"}\n":
		w.tb.Errorf("%s: %q", what, body)
	}
}

// One command opens a link that is to be confirmed: it follows what its POST leads to.
func TestConfirmInOneCommand(t *testing.T) {
	w := newWorld(t, nil)
	want := content(5000)
	res, err := http.Post(w.url+w.link(want, withConfirm)+"/report.zip", formType, nil) //nolint:noctx // a test's
	must(t, err)
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || !bytes.Equal(got, want) {
		t.Errorf("%d, %d bytes, %v; want all", res.StatusCode, len(got), err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// What has ended says so, and asks nobody to confirm it first.
func TestEndedLinksAskForNoConfirmation(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range endings() {
		path := w.link(content(10), func(r *share.Record) { withConfirm(r); c.change(r) })
		for method, got := range map[string]answer{"GET": w.get(path), "HEAD": w.do("HEAD", path), "POST": w.post(path, formType, "")} {
			if got.status != c.status {
				t.Errorf("%s, %s: %d; want %d", name, method, got.status, c.status)
			}
		}
	}
}

// A POST is taken where something asks for one; who knows no link learns nothing by it.
func TestPost(t *testing.T) {
	w := newWorld(t, nil)
	confirm, plain, locked := w.link(content(10), withConfirm), w.link(content(10), nil), w.link(content(10), withPassword)
	other, err := share.ParseKeyring("1:" + share.NewKey())
	must(t, err)
	forged := "/s/" + string(other.Seal([16]byte{1}))
	before := w.lookups
	for name, c := range map[string]struct {
		path, kind, body string
		status           int
	}{
		"empty":               {confirm, "", "", 303},
		"empty form":          {confirm, formType, "", 303},
		"a form":              {confirm, formType + "; charset=utf-8", "open=1", 303},
		"a form, named":       {confirm + "/a.txt", formType, "", 303},
		"an unwanted word":    {confirm, formType, form(secret), 303},
		"JSON":                {confirm, "application/json", "{}", 400},
		"several parts":       {confirm, "multipart/form-data; boundary=x", "--x--\r\n", 400},
		"too much":            {confirm, formType, "x=" + strings.Repeat("x", maxBody), 413},
		"plain":               {plain, formType, "", 405},
		"password, not asked": {locked, formType, form(secret), 405},
		"unknown":             {"/s/" + w.token(), formType, "", 404},
		"forged":              {forged, formType, "", 404},
		"forged, JSON":        {forged, "application/json", "{}", 400},
		"no target":           {"/x", formType, "", 404},
	} {
		got := w.post(c.path, c.kind, c.body)
		allow := ""
		if c.status == 405 {
			allow = allowedMethods
		}
		if got.status != c.status || got.header.Get("Allow") != allow || (c.status == 303) != (got.header.Get("Location") != "") {
			t.Errorf("%s: %d %v; want %d", name, got.status, got.header, c.status)
		}
	}
	if n := w.lookups - before; n > 9 {
		t.Errorf("%d look-ups; want none of what was refused on its face", n)
	}
	if n := w.count(confirm) + w.count(plain) + w.count(locked); n != 0 {
		t.Errorf("POST counted %d; want 0", n)
	}
}

// Where passwords are enforced, one POST gives both; and the password alone gives none.
func TestConfirmWithPassword(t *testing.T) {
	w := guarded(t, func(c *Config, _ *Parts, _ *world) { c.PasswordTries = 3 })
	want := content(5000)
	path := w.link(want, func(r *share.Record) { withPassword(r); withConfirm(r); r.MaxDownloads = 3 })
	if got := w.get(path, "Accept", "text/html"); got.status != 401 || !strings.Contains(string(got.body), `type="password"`) {
		t.Errorf("a browser: %d; want the form with the password", got.status)
	}
	if got := w.get(path); got.status != 401 || got.header.Get("WWW-Authenticate") != challengeProgram {
		t.Errorf("a program: %d %v; want 401", got.status, got.header)
	}
	w.wantUnconfirmed(w.get(path, "X-Share-Password", secret), "X-Share-Password on GET")
	w.wantUnconfirmed(w.do("HEAD", path, "Authorization", basic(secret)), "Basic on HEAD")
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"form":            {form(secret), nil, 303},
		"header":          {"", []string{"X-Share-Password", secret}, 303},
		"Basic":           {"", []string{"Authorization", basic(secret)}, 303},
		"nothing":         {"", nil, 401},
		"wrong in form":   {form("wrong"), []string{"X-Share-Password", secret, "X-Forwarded-For", "192.0.2.1"}, 401},
		"wrong in header": {"", []string{"X-Share-Password", "wrong", "X-Forwarded-For", "192.0.2.1"}, 401},
		"right in form":   {form(secret), []string{"Authorization", basic("wrong"), "X-Forwarded-For", "192.0.2.2"}, 303},
	} {
		got := w.post(path, formType, c.body, c.headers...)
		if got.status != c.status || w.count(path) != 0 {
			t.Errorf("%s: %d, count %d; want %d, 0", name, got.status, w.count(path), c.status)
		}
	}
	for i, want := range []int{401, 401, 401, 429, 429} {
		if got := w.post(path, formType, form(fmt.Sprint("guess ", i)), "X-Forwarded-For", "192.0.2.9"); got.status != want {
			t.Errorf("guess %d: %d; want %d", i, got.status, want)
		}
	}
	granted := path + w.post(path, formType, form(secret)).header.Get("Location")
	if got := w.get(granted, "User-Agent", "a player"); got.status != 200 || !bytes.Equal(got.body, want) || w.count(path) != 1 {
		t.Errorf("granted: %d, %d bytes, count %d", got.status, len(got.body), w.count(path))
	}
	if got := w.post(granted, formType, ""); got.status != 401 {
		t.Errorf("a grant in place of the password: %d; want 401", got.status)
	}
	if got := w.get(granted, "X-Forwarded-For", "192.0.2.7"); got.status != 401 {
		t.Errorf("a grant of another address: %d; want 401", got.status)
	}
}

// A grant opens what was asked for when it was earned, and nothing that asks for more.
func TestGrantsOpenNoMore(t *testing.T) {
	open := newWorld(t, nil)
	strict := guarded(t, func(_ *Config, p *Parts, w *world) { p.Keys, w.keys = open.keys, open.keys })
	both := func(r *share.Record) { withConfirm(r); withPassword(r) }
	path := open.link(content(10), both)
	strict.mu.Lock()
	strict.records[open.hash(path)] = open.record(path)
	strict.bytes[open.record(path).Object.Key] = content(10)
	strict.mu.Unlock()
	want := func(what string, got answer, status int) {
		t.Helper()
		if got.status != status {
			t.Errorf("%s: %d; want %d", what, got.status, status)
		}
	}
	confirmedOnly := open.confirm(path)
	want("a confirmation, where no password is asked for", open.get(confirmedOnly), 200)
	want("a confirmation, where one is", strict.get(confirmedOnly), 401)
	want("a confirmation, where one is, with it", strict.get(confirmedOnly, "X-Share-Password", secret), 403)
	proved := path + strict.post(path, formType, form(secret)).header.Get("Location")
	want("a password, where it is asked for", strict.get(proved), 200)
	want("a password, where none is asked for", open.get(proved), 200)

	set := func(path string, change func(*share.Record)) {
		strict.change(path, change)
		strict.edge.Invalidate(strict.hash(path))
	}
	later := strict.link(content(10), withConfirm)
	early := strict.confirm(later)
	want("a confirmation", strict.get(early), 200)
	set(later, withPassword)
	want("a confirmation, after a password was set", strict.get(early), 401)
	proved = later + strict.post(later, formType, form(secret)).header.Get("Location")
	want("a password", strict.get(proved), 200)
	set(later, func(r *share.Record) { r.PasswordHash = password.Hash("another") })
	want("a password, after it was changed", strict.get(proved), 401)
	set(later, func(r *share.Record) { r.PasswordHash = "" })
	want("a confirmation, after the password was taken away", strict.get(early), 200)

	unconfirmed := strict.link(content(10), withPassword)
	proved = unconfirmed + strict.post(unconfirmed, formType, form(secret)).header.Get("Location")
	set(unconfirmed, withConfirm)
	want("a form that was sent before it was to be confirmed", strict.get(proved), 200)
	want("that of another link", strict.get(unconfirmed+early[strings.Index(early, "?"):]), 401)
}

// What an owner changes holds at the next request.
func TestConfirmIsChanged(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxStale = time.Minute })
	path := w.link(content(10), nil)
	set := func(confirm bool) {
		w.change(path, func(r *share.Record) { r.Confirm = confirm })
		w.edge.Invalidate(w.hash(path))
	}
	wantPublic := func() {
		t.Helper()
		if got := w.get(path); got.status != 200 || got.header.Get("Cache-Control") != "public, max-age=3600" {
			t.Errorf("%d, %q; want 200, public", got.status, got.header.Get("Cache-Control"))
		}
	}
	wantPublic()
	wantPublic() // with a header that is prepared
	set(true)
	w.wantUnconfirmed(w.get(path), "confirmation wanted")
	granted := w.confirm(path)
	for range 2 {
		if got := w.get(granted); got.status != 200 || got.header.Get("Cache-Control") != noStore || got.header.Get("CDN-Cache-Control") != noStore {
			t.Errorf("granted: %d %v; want 200, no-store", got.status, got.header)
		}
	}
	w.wantUnconfirmed(w.get(path), "after a header was prepared")
	set(false)
	wantPublic()
	if got := w.post(path, formType, ""); got.status != 405 {
		t.Errorf("POST: %d; want 405", got.status)
	}
}
