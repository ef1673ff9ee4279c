package edge

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/memstore"
	"rawlink/internal/password"
	"rawlink/internal/ratelimit"
	"rawlink/internal/share"
)

const secret = "grüße: 1" // not ASCII, with a colon, with a space

// guarded starts an edge that enforces passwords.
func guarded(tb testing.TB, change func(*Config, *Parts, *world)) *world {
	return newWorld(tb, func(c *Config, p *Parts, w *world) {
		c.EnforcePasswords = true
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		p.Tries = Tries{Addresses: memstore.NewLimits(1000, time.Now), Shares: memstore.NewLimits(1000, time.Now)}
		if change != nil {
			change(c, p, w)
		}
	})
}

func withPassword(r *share.Record) { r.PasswordHash = password.Hash(secret) }

func basic(text string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+text))
}

// post sends the form as a browser does, or something like it.
func (w *world) post(path, contentType, body string, headers ...string) answer {
	w.tb.Helper()
	req, err := http.NewRequest("POST", w.url+path, strings.NewReader(body))
	must(w.tb, err)
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	// In one write: a second one fails if the answer and the end came before it.
	res, err := (&http.Transport{DisableKeepAlives: true, WriteBufferSize: 16 << 10}).RoundTrip(req)
	must(w.tb, err)
	defer res.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(res.Body)
	return answer{res.StatusCode, res.Header, text.Bytes(), err, res.ContentLength}
}

const formType = "application/x-www-form-urlencoded"

func form(text string) string { return url.Values{"password": {text}}.Encode() }

func TestPasswordsAreNotEnforcedByDefault(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(10), withPassword)
	if got := w.get(path); got.status != 200 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("without a password: %d, %q; want 200, no-store", got.status, got.header.Get("Cache-Control"))
	}
	if got := w.post(path, formType, form(secret)); got.status != 405 {
		t.Errorf("POST: %d; want 405", got.status)
	}
}

func TestPasswords(t *testing.T) {
	w := guarded(t, nil)
	want := content(5000)
	path := w.link(want, func(r *share.Record) { withPassword(r); r.MaxDownloads = 3 })
	for name, c := range map[string]struct {
		method  string
		headers []string
		detail  string
	}{
		"none":            {"GET", nil, "password required"},
		"none, HEAD":      {"HEAD", nil, ""},
		"none, range":     {"GET", []string{"Range", "bytes=0-1"}, "password required"},
		"none, condition": {"GET", []string{"If-None-Match", "*"}, "password required"},
		"wrong":           {"GET", []string{"X-Share-Password", "wrong"}, "wrong password"},
		"wrong, Basic":    {"GET", []string{"Authorization", basic("wrong")}, "wrong password"},
		"too long":        {"GET", []string{"X-Share-Password", strings.Repeat("x", maxPassword+1)}, "wrong password"},
		"another scheme":  {"GET", []string{"Authorization", "Bearer " + secret}, "password required"},
		"broken Basic":    {"GET", []string{"Authorization", "Basic !"}, "password required"},
		"made-up grant":   {"GET", []string{"X-Grant", "x"}, "password required"},
	} {
		got := w.do(c.method, path+"?grant=AAAA", c.headers...)
		if got.status != 401 || got.header.Get("WWW-Authenticate") != challengeProgram || got.header.Get("Cache-Control") != "no-store" ||
			c.detail != "" && string(got.body) != fmt.Sprintf("{\"detail\":%q}\n", c.detail) {
			t.Errorf("%s: %d %v %q; want 401 %s", name, got.status, got.header, got.body, c.detail)
		}
		for _, header := range []string{"ETag", "Content-Disposition", "Last-Modified", "Surrogate-Key"} {
			if got.header.Get(header) != "" {
				t.Errorf("%s: tells %s", name, header)
			}
		}
	}
	opens, _ := w.storeUse()
	if n := w.count(path); n != 0 || opens != 0 {
		t.Errorf("refusals took %d downloads and opened %d objects; want none", n, opens)
	}
	for name, headers := range map[string][]string{"header": {"X-Share-Password", secret}, "Basic": {"Authorization", basic(secret)}} {
		got := w.get(path, headers...)
		if got.status != 200 || !bytes.Equal(got.body, want) || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %d bytes, %q", name, got.status, len(got.body), got.header.Get("Cache-Control"))
		}
	}
	// A counted client resumes for free, with the password and not without.
	if got := w.get(path, "Range", "bytes=100-", "X-Share-Password", secret); got.status != 206 || !bytes.Equal(got.body, want[100:]) {
		t.Errorf("resume: %d, %d bytes", got.status, len(got.body))
	}
	if got := w.get(path, "Range", "bytes=100-"); got.status != 401 {
		t.Errorf("resume without the password: %d; want 401", got.status)
	}
	if n := w.count(path); n != 2 {
		t.Errorf("count %d; want 2", n)
	}
	if logs := w.logs.String(); strings.Contains(logs, "grüße") || strings.Contains(logs, basic(secret)[6:]) || strings.Contains(logs, "argon2") {
		t.Errorf("a password or its hash was logged: %s", logs)
	}
}

// ending is why a link is not served, whatever its client knows or has done.
type ending struct {
	change func(*share.Record)
	status int
}

func endings() map[string]ending {
	return map[string]ending{
		"revoked":  {func(r *share.Record) { r.Revoked = true }, 410},
		"expired":  {func(r *share.Record) { r.ExpiresAt = 1 }, 410},
		"used up":  {func(r *share.Record) { r.MaxDownloads, r.Exhausted = 1, true }, 410},
		"infected": {func(r *share.Record) { r.Scan = share.Infected }, 409},
		"pending":  {func(r *share.Record) { r.Scan = share.Pending }, 409},
		"gone":     {func(r *share.Record) { r.Gone = true }, 404},
	}
}

// What has ended says so without asking for a password first.
func TestEndedLinksAskForNoPassword(t *testing.T) {
	w := guarded(t, nil)
	for name, c := range endings() {
		path := w.link(content(10), func(r *share.Record) { withPassword(r); c.change(r) })
		if got := w.get(path); got.status != c.status {
			t.Errorf("%s: %d; want %d", name, got.status, c.status)
		}
		if got := w.post(path, formType, form(secret)); got.status != c.status {
			t.Errorf("%s, form: %d; want %d", name, got.status, c.status)
		}
	}
}

func TestPasswordForm(t *testing.T) {
	w := guarded(t, nil)
	want := content(5000)
	path := w.link(want, func(r *share.Record) { withPassword(r); r.MaxDownloads = 1 })
	open := w.link(want, nil)
	page := w.get(path, "Accept", "text/html")
	if page.status != 401 || !strings.Contains(string(page.body), `<form method="post">`) || page.header.Get("WWW-Authenticate") != challengeBrowser {
		t.Fatalf("page: %d %v %s", page.status, page.header, page.body)
	}
	if csp := page.header.Get("Content-Security-Policy"); csp != formPolicy || strings.Contains(csp, "unsafe") {
		t.Errorf("policy: %s", csp)
	}
	for name, c := range map[string]struct {
		path, kind, body string
		status           int
	}{
		"wrong":            {path, formType, form("wrong"), 401},
		"empty":            {path, formType, form(""), 401},
		"no field":         {path, formType, "x=y", 401},
		"JSON":             {path, "application/json", `{"password":"x"}`, 400},
		"nothing":          {path, formType, "", 401},
		"no password here": {open, formType, form(secret), 405},
		"too long":         {path, formType, form(strings.Repeat("x", maxBody)), 413},
	} {
		got := w.post(c.path, c.kind, c.body, "Accept", "text/html")
		if got.status != c.status || got.header.Get("Location") != "" || len(got.header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s: %d %v; want %d", name, got.status, got.header, c.status)
		}
		if name == "wrong" && (!strings.Contains(string(got.body), `role="alert"`) || !strings.Contains(string(got.body), `aria-invalid="true"`)) {
			t.Errorf("%s: the page doesn't say so: %s", name, got.body)
		}
	}
	for _, named := range []string{path, path + "/report.pdf"} {
		got := w.post(named, formType+"; charset=UTF-8", form(secret))
		location := got.header.Get("Location")
		if got.status != 303 || !strings.HasPrefix(location, "?grant=") || got.header.Get("Cache-Control") != "no-store" || len(got.body) != 0 {
			t.Fatalf("form: %d %v, %d bytes", got.status, got.header, len(got.body))
		}
		if n := w.count(path); n > 1 || n == 1 && named == path {
			t.Errorf("%d counted by the form", n)
		}
		if got := w.get(named + location); named == path && (got.status != 200 || !bytes.Equal(got.body, want)) {
			t.Errorf("granted: %d, %d bytes", got.status, len(got.body))
		}
		if got := w.get(named+location, "Range", "bytes=7-"); got.status != 206 || !bytes.Equal(got.body, want[7:]) {
			t.Errorf("granted range: %d, %d bytes", got.status, len(got.body))
		}
	}
}

// Allow names POST where a form may be posted, and not to a form that nobody asked for.
func TestFormIsAllowed(t *testing.T) {
	w := guarded(t, nil)
	locked, open := w.link(content(10), withPassword), w.link(content(10), nil)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"OPTIONS", locked, 204, "GET, HEAD, OPTIONS, POST"},
		{"PUT", locked, 405, "GET, HEAD, OPTIONS, POST"},
		{"POST", open, 405, "GET, HEAD, OPTIONS"},
	} {
		got := w.do(c.method, c.path)
		if c.method == "POST" {
			got = w.post(c.path, "application/x-www-form-urlencoded", "password=x")
		}
		if got.status != c.status || got.header.Get("Allow") != c.allow {
			t.Errorf("%s: %d, Allow %q; want %d and %q", c.method, got.status, got.header.Get("Allow"), c.status, c.allow)
		}
	}
}

// a guesser is stopped, and alone.
func TestGuessesAreRationed(t *testing.T) {
	w := guarded(t, func(c *Config, _ *Parts, _ *world) { c.PasswordTries, c.PasswordShareTries = 3, 5 })
	path, other := w.link(content(10), withPassword), w.link(content(10), withPassword)
	guess := func(path, from, text string) answer {
		return w.get(path, "X-Forwarded-For", from, "X-Share-Password", text)
	}
	want := func(what string, got answer, status int) {
		t.Helper()
		if got.status != status {
			t.Errorf("%s: %d %s; want %d", what, got.status, got.body, status)
		}
		if wait := got.header.Get("Retry-After"); status == 429 && (wait == "" || wait == "0" || len(wait) > 2) {
			t.Errorf("%s: Retry-After %q", what, wait)
		}
	}
	for i := range 3 {
		want("guess", guess(path, "192.0.2.1", fmt.Sprint(i)), 401)
	}
	want("one guess too many", guess(path, "192.0.2.1", "4"), 429)
	want("at another link", guess(other, "192.0.2.1", "4"), 429)
	want("the right one, too late", guess(path, "192.0.2.1", secret), 429)
	want("somebody else", guess(path, "192.0.2.2", secret), 200)
	want("the right one, too late, though it is remembered", guess(path, "192.0.2.1", secret), 429)
	want("no guess at all", w.get(path, "X-Forwarded-For", "192.0.2.1"), 401)

	want("the fifth at this link", guess(path, "192.0.2.3", "5"), 401)
	want("a newcomer who knows it", guess(path, "192.0.2.7", secret), 200)
	want("the sixth", guess(path, "192.0.2.4", "6"), 429)
	want("a guess that would have been right", guess(path, "192.0.2.5", secret), 429)
	want("who knew it before", guess(path, "192.0.2.2", secret), 200)
	want("the newcomer", guess(path, "192.0.2.7", secret), 200)
	want("another link", guess(other, "192.0.2.6", secret), 200)
	if got := w.metric("rawlink_edge_passwords_total", "outcome", passwordShare); got != 2 {
		t.Errorf("%v refused by the share's limit; want 2", got)
	}
	// Such a guess is one of its client's tries, as a wrong one: else counting would tell.
	want("the second of its client", guess(path, "192.0.2.5", secret), 429)
	want("the third, at another link", guess(other, "192.0.2.5", secret), 200)
	want("the fourth", guess(other, "192.0.2.5", "7"), 429)
	if got := w.metric("rawlink_edge_passwords_total", "outcome", passwordAddress); got != 5 {
		t.Errorf("%v refused by the client's limit; want 5", got)
	}
	// Who guesses from the address of somebody who knows it learns nothing either.
	shared := w.link(content(10), withPassword)
	for text, status := range map[string]int{secret: 200, "8": 401, "9": 401} {
		want("behind one address", guess(shared, "192.0.2.8", text), status)
	}
	want("one guess too many there", guess(shared, "192.0.2.8", "10"), 429)
	want("the right one there", guess(shared, "192.0.2.8", secret), 429)
}

// A player's ranges, all at once and before anything is remembered, are one try
// and one slow hash; so is one password from many clients.
func TestSimultaneousPasswordsAreOneTry(t *testing.T) {
	var taken atomic.Int64
	w := guarded(t, func(c *Config, p *Parts, _ *world) {
		c.PasswordTries, c.PasswordShareTries, c.PasswordHashes = 1, 1, 1
		own := p.Tries.Addresses
		p.Tries.Addresses = takes(func(ctx context.Context, who string, b []ratelimit.Budget) ([]ratelimit.Standing, error) {
			taken.Add(1)
			if strings.Contains(who, "192") {
				return nil, errors.New("an address was handed over as it is")
			}
			return own.Take(ctx, who, b)
		})
	})
	path := w.link(content(100_000), withPassword)
	var group sync.WaitGroup
	for i := range 48 {
		group.Go(func() {
			got := w.get(path, "Range", fmt.Sprintf("bytes=%d-%d", i*100, i*100+99), "X-Share-Password", secret, "X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i%3))
			if got.status != 206 {
				t.Errorf("range %d: %d %s; want 206", i, got.status, got.body)
			}
		})
	}
	group.Wait()
	if got := taken.Load(); got > 3 {
		t.Errorf("%d tries of 3 clients", got)
	}
}

type takes func(ctx context.Context, who string, b []ratelimit.Budget) ([]ratelimit.Standing, error)

func (f takes) Take(ctx context.Context, who string, b []ratelimit.Budget) ([]ratelimit.Standing, error) {
	return f(ctx, who, b)
}

// What can't be counted is not let through.
func TestUncountedPasswordIsRefused(t *testing.T) {
	w := guarded(t, func(_ *Config, p *Parts, _ *world) {
		p.Tries.Shares = takes(func(context.Context, string, []ratelimit.Budget) ([]ratelimit.Standing, error) {
			return nil, errors.New("down")
		})
	})
	path := w.link(content(10), withPassword)
	if got := w.get(path, "X-Share-Password", secret); got.status != 503 {
		t.Errorf("%d; want 503", got.status)
	}
}
