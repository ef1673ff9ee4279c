package origin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rawlink/internal/share"
	"rawlink/internal/testsystem"
	"rawlink/origin/store"
)

// post sends a POST with an idempotency key.
func (r *running) post(t *testing.T, key, path string, body testsystem.Object) (*http.Response, string) {
	t.Helper()
	raw := must(json.Marshal(body))
	return r.send(t, "POST", "/api/v1"+path, string(raw), "Idempotency-Key", key)
}

// made is the id in an answer with this status.
func made(t *testing.T, want int, response *http.Response, body string) string {
	t.Helper()
	var answer struct {
		ID     string `json:"id"`
		FileID string `json:"file_id"`
	}
	if response.StatusCode != want || json.Unmarshal([]byte(body), &answer) != nil {
		t.Fatalf("%d %s; want %d", response.StatusCode, body, want)
	}
	if answer.ID == "" {
		return answer.FileID
	}
	return answer.ID
}

// TestOnceRepeatsTheAnswer repeats each POST that makes something.
func TestOnceRepeatsTheAnswer(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.MultipartFrom = 6 << 20; c.PartSize = 5 << 20 })
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("content"))
	other := r.as(r.newKey(t, AllScopes()...))
	for i, test := range onceRequests(space, file) {
		key := fmt.Sprint("key ", i)
		first, text := r.post(t, key, test.path, test.body)
		made(t, test.status, first, text)
		second, again := r.post(t, key, test.path, test.body)
		if second.StatusCode != test.status || again != text || second.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
			t.Errorf("%s again: %d %s; want %d %s", test.path, second.StatusCode, again, test.status, text)
		}
		if tag := second.Header.Get("ETag"); tag != first.Header.Get("ETag") || (tag == "") != strings.HasPrefix(test.path, "/uploads/") {
			t.Errorf("%s: ETag = %q, then %q", test.path, first.Header.Get("ETag"), tag)
		}
		if first.Header.Get("Idempotency-Replayed") != "" || second.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: Idempotency-Replayed = %q, then %q", test.path, first.Header.Get("Idempotency-Replayed"), second.Header.Get("Idempotency-Replayed"))
		}
		r.Client, other = other, r.Client // the tenant's keys are one client
		if _, third := r.post(t, key, test.path, test.body); third != text {
			t.Errorf("%s by another key of the tenant: %s; want %s", test.path, third, text)
		}
		test.body["more"] = 1
		if wrong, text := r.post(t, key, test.path, test.body); wrong.StatusCode != 422 || !strings.Contains(text, "Idempotency-Key: ") {
			t.Errorf("%s with another body: %d %s; want 422", test.path, wrong.StatusCode, text)
		}
		if wrong, text := r.post(t, key, test.path+"?x=1", test.body); wrong.StatusCode != 422 {
			t.Errorf("%s with another query: %d %s; want 422", test.path, wrong.StatusCode, text)
		}
	}
	r.counts(t, 2, 1, 1, 2)
	r.noSecretStored(t)
}

type onceRequest struct {
	path   string
	status int
	body   testsystem.Object
}

func onceRequests(space, file string) []onceRequest {
	return []onceRequest{
		{"/spaces", 201, testsystem.Object{"name": "s"}},
		{"/folders", 201, testsystem.Object{"name": "f", "space_id": space}},
		{"/shares", 201, testsystem.Object{"file_id": file}},
		{"/uploads/initiate", 200, testsystem.Object{"original_name": "u", "size": 3, "space_id": space}},
		{"/uploads/initiate", 200, testsystem.Object{"original_name": "u", "size": 7 << 20, "space_id": space}},
		{"/webhooks", 201, testsystem.Object{"url": "https://example.com/"}},
	}
}

// counts checks how much there is of what POSTs make.
func (r *running) counts(t *testing.T, spaces, folders, shares, uploads int) {
	t.Helper()
	var got [4]int
	err := r.db.Read().QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM spaces), (SELECT COUNT(*) FROM folders), (SELECT COUNT(*) FROM shares), (SELECT COUNT(*) FROM uploads)`).
		Scan(&got[0], &got[1], &got[2], &got[3])
	if want := [4]int{spaces, folders, shares, uploads}; err != nil || got != want {
		t.Errorf("spaces, folders, shares, uploads: %v, %v; want %v", got, err, want)
	}
}

// noSecretStored looks for links and signatures in the database's files.
func (r *running) noSecretStored(t *testing.T) {
	t.Helper()
	var dir, name string
	var seq int
	if err := r.db.Read().QueryRowContext(t.Context(), `PRAGMA database_list`).Scan(&seq, &name, &dir); err != nil {
		t.Fatal(err)
	}
	for _, path := range must(filepath.Glob(dir + "*")) {
		raw := must(os.ReadFile(path))
		for _, secret := range []string{"files.test/s/", "signature=", "key 2", "whsec_"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %q", filepath.Base(path), secret)
			}
		}
	}
}

// TestOnceSurvivesALostAnswer plays a process that died between what it did and
// the answer: the repetition finds what was made, and makes nothing.
func TestOnceSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.MultipartFrom = 6 << 20; c.PartSize = 5 << 20 })
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("content"))
	for i, test := range onceRequests(space, file) {
		key := fmt.Sprint("key ", i)
		first, text := r.post(t, key, test.path, test.body)
		id := made(t, test.status, first, text)
		r.forgetAnswers(t)
		second, again := r.post(t, key, test.path, test.body)
		if got := made(t, test.status, second, again); got != id {
			t.Errorf("%s again made %s; want %s", test.path, got, id)
		}
		if test.path == "/shares" && again != text {
			t.Errorf("the link again: %s; want %s", again, text)
		}
		if third, last := r.post(t, key, test.path, test.body); third.Header.Get("Idempotency-Replayed") != "true" || last != again {
			t.Errorf("%s for the third time: %s; want %s, kept", test.path, last, again)
		}
	}
	r.counts(t, 2, 1, 1, 2)
}

// TestOnceAfterItsThingMovedOn repeats creations whose answer was lost when what they made
// is no longer as it was made: no repetition makes a second one.
func TestOnceAfterItsThingMovedOn(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("content"))

	link := testsystem.Object{"file_id": file, "password": "a password"}
	_, text := r.post(t, "link", "/shares", link)
	r.forgetAnswers(t)
	if err := r.Store.SetVerdict(t.Context(), file, store.Verdict{Status: share.Infected}); err != nil {
		t.Fatal(err)
	}
	if answer, again := r.post(t, "link", "/shares", link); answer.StatusCode != 201 || again != text {
		t.Errorf("a link with a password, its file infected: %d %s; want %s", answer.StatusCode, again, text)
	}

	wanted := testsystem.Object{"original_name": "u", "size": 3, "space_id": space}
	first, text := r.post(t, "upload", "/uploads/initiate", wanted)
	id := made(t, 200, first, text)
	r.forgetAnswers(t)
	u := must(r.Store.Upload(t.Context(), r.tenant, id))
	must(r.Store.CompleteUpload(t.Context(), u, share.Object{Key: u.ObjectKey, Version: "v"}))
	for range 2 {
		if answer, again := r.post(t, "upload", "/uploads/initiate", wanted); answer.StatusCode != 409 {
			t.Errorf("an upload that was completed: %d %s; want 409", answer.StatusCode, again)
		}
		r.exec(t, `UPDATE idempotent SET lease_until = 0`)
	}
	r.counts(t, 1, 0, 1, 0)
}

// forgetAnswers leaves claims as a process leaves them that died, some time ago.
func (r *running) forgetAnswers(t *testing.T) {
	t.Helper()
	r.exec(t, `UPDATE idempotent SET status = NULL, answer = NULL, lease_until = 0`)
}

// TestOnceForgetsRefusals wants a refused request to be judged anew.
func TestOnceForgetsRefusals(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("content"))
	if err := r.Store.SetVerdict(t.Context(), file, store.Verdict{Status: share.Pending}); err != nil {
		t.Fatal(err)
	}
	body := testsystem.Object{"file_id": file}
	if response, text := r.post(t, "k", "/shares", body); response.StatusCode != 409 {
		t.Fatalf("%d %s; want 409", response.StatusCode, text)
	}
	if err := r.Store.SetVerdict(t.Context(), file, store.Verdict{Status: share.Clean}); err != nil {
		t.Fatal(err)
	}
	response, text := r.post(t, "k", "/shares", body)
	made(t, 201, response, text)
	for _, key := range []string{strings.Repeat("x", 256), "a\x80"} {
		if response, text := r.post(t, key, "/shares", body); response.StatusCode != 422 || !strings.Contains(text, "Idempotency-Key: ") {
			t.Errorf("key %.10q: %d %s; want 422", key, response.StatusCode, text)
		}
	}
}

// TestOnceUnderConcurrency sends one request many times at once: one takes
// effect, and whoever gets a success gets the same.
func TestOnceUnderConcurrency(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("content"))
	var mu sync.Mutex
	answers := map[string]int{}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			response, text := r.post(t, "k", "/shares", testsystem.Object{"file_id": file})
			switch {
			case response.StatusCode == 201:
				mu.Lock()
				defer mu.Unlock()
				answers[text]++
			case response.StatusCode != 409 || response.Header.Get("Retry-After") == "":
				t.Errorf("%d %s", response.StatusCode, text)
			}
		})
	}
	group.Wait()
	if len(answers) != 1 {
		t.Errorf("%d different links; want one", len(answers))
	}
	r.counts(t, 1, 0, 1, 0)
}

// TestBodyDeadlineEndsWithTheBody lets an operation take longer than a body may:
// its context lives on.
func TestBodyDeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, p *Parts) { p.Scanner = slowScanner{p.Scanner}; c.ScanWait = 6 * bodyTimeout })
	if got := r.Upload(t, r.Space(t), "a.txt", "text/plain", []byte("content"), nil); got.Text("scan_status") != "clean" {
		t.Errorf("complete = %s; want the verdict", got.Raw)
	}
}

// TestOnceAfterTokenKeysChanged repeats a creation at an origin with other token
// keys, with its answer kept and without: the link is the first one, by whichever
// key it was sealed, or the client is told that it has ended.
func TestOnceAfterTokenKeysChanged(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	file := r.CleanFile(t, r.Space(t), "a.txt", "text/plain", []byte("content"))
	first, second, link := "1:"+share.NewKey(), "2:"+share.NewKey(), testsystem.Object{"file_id": file}
	origins := map[string]*running{}
	for _, keys := range []string{first, second + "," + first, second} {
		parts := r.Parts
		parts.Keyring = must(share.ParseKeyring(keys))
		o := *r
		o.Origin = must(New(r.config, parts))
		server := httptest.NewServer(o.Handler(nil))
		t.Cleanup(server.Close)
		o.Client = &testsystem.Client{API: server.URL, Key: r.Key}
		origins[keys] = &o
	}
	for _, lost := range []bool{false, true} {
		key := fmt.Sprint("lost: ", lost)
		answer, text := origins[first].post(t, key, "/shares", link)
		made(t, 201, answer, text)
		if lost {
			r.forgetAnswers(t)
		}
		if answer, again := origins[second].post(t, key, "/shares", link); answer.StatusCode != 409 || !strings.Contains(again, "retired") || strings.Contains(again, "/s/") {
			t.Errorf("%s, key retired: %d %s; want 409", key, answer.StatusCode, again)
		}
		if answer, again := origins[second+","+first].post(t, key, "/shares", link); answer.StatusCode != 201 || again != text {
			t.Errorf("%s, another key seals: %d %s; want %s", key, answer.StatusCode, again, text)
		}
	}
}
