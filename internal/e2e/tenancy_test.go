package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rawlink/internal/testsystem"
)

// idPattern finds ids in answers, and object keys, which are two ids.
var idPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}(/[0-9a-f]{8}-[0-9a-f-]{27})?`)

// drawn are times and signatures, which no two calls share.
var drawn = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+Z|expires=\d+|signature=[\w-]+|/s/[\w-]+|X-Amz-\w+=[^&"]*`)

// testTenancy calls every operation of the API's document with every id of
// another tenant, wherever one can stand: in the path, the query or the body. The
// answer must be the one for an id that never was, and the other tenant's world
// must be as before. An operation that is added later is called too.
func testTenancy(t *testing.T, s *testsystem.System) {
	document, err := testsystem.LoadDocument(s.API)
	if err != nil {
		t.Fatal(err)
	}
	victim := newWorld(t, s)
	intruder := newWorld(t, s)
	stolen := victim.ids(t, document)
	before := victim.look(t, document)
	calls := 0
	for _, op := range document.Operations {
		for _, slot := range slots(document, op) {
			for _, id := range stolen {
				calls++
				theirs := intruder.call(t, op, slot, id)
				never := intruder.call(t, op, slot, idPattern.ReplaceAllStringFunc(id, unheardOf))
				if theirs != never {
					t.Errorf("%s with another tenant's id in %s:\n%s\nand with one that never was:\n%s", op.ID, slot, theirs, never)
				}
			}
		}
	}
	if calls < 300 {
		t.Errorf("only %d calls were made", calls)
	}
	for what, want := range before {
		if got := victim.look(t, document)[what]; got != want {
			t.Errorf("%s was changed from outside:\n%s\nis now\n%s", what, want, got)
		}
	}
	everywhere(t, s, victim.link, 200)
}

// unheardOf is an id, or a key, of the same form.
func unheardOf(id string) string {
	if strings.Contains(id, "/") {
		return uuid.NewString() + "/" + uuid.NewString()
	}
	return uuid.NewString()
}

// world is a tenant with one of everything.
type world struct {
	*testsystem.Client
	own   map[string]string // an id of its own, by the name of the thing
	extra []string          // ids that no list shows
	link  string
}

func newWorld(t *testing.T, s *testsystem.System) *world {
	t.Helper()
	w := &world{Client: s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))}
	space := w.Space(t)
	folder := w.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "a", "space_id": space}).Text("id")
	below := w.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "b", "space_id": space, "parent_id": folder}).Text("id")
	w.Must(t, 200, "DELETE", "/folders/"+below, nil)
	file := w.CleanFile(t, space, "a.txt", "text/plain", text(t))
	trashed := w.CleanFile(t, space, "b.txt", "text/plain", text(t))
	w.Must(t, 200, "DELETE", "/files/"+trashed, nil)
	share, link := w.Share(t, file, nil)
	gone, _ := w.Share(t, file, nil)
	w.Must(t, 200, "DELETE", "/shares/"+gone, nil)
	upload := w.Initiate(t, space, "open.txt", "text/plain", 5)
	hook := w.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": "https://hooks.example.com/", "events": []string{"quota.near_limit"}}).Text("id") // never told of anything
	w.own = map[string]string{"space": space, "folder": folder, "parent": folder, "file": file, "share": share, "webhook": hook}
	w.extra, w.link = []string{upload.Text("file_id"), upload.Text("key")}, link
	return w
}

// look is what the tenant's lists show.
func (w *world) look(t *testing.T, document *testsystem.Document) map[string]string {
	t.Helper()
	seen := map[string]string{}
	for _, op := range document.Operations {
		if op.Method != "GET" || strings.Contains(op.Path, "{") || slices.ContainsFunc(op.Parameters, func(p testsystem.Parameter) bool { return p.Required }) {
			continue
		}
		for _, query := range []string{"", "?trashed=true", "?include_inactive=true"} {
			path := strings.TrimPrefix(op.Path, "/api/v1") + query
			seen[path] = string(w.Must(t, 200, "GET", path, nil).Raw)
		}
	}
	return seen
}

// ids is every id that the tenant ever gets to see.
func (w *world) ids(t *testing.T, document *testsystem.Document) []string {
	t.Helper()
	all := map[string]bool{}
	for _, id := range w.extra {
		all[id] = true
	}
	for _, raw := range w.look(t, document) {
		for _, id := range idPattern.FindAllString(raw, -1) {
			all[id] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// slots are the places of an operation where an id or key can stand.
func slots(document *testsystem.Document, op *testsystem.Operation) (found []string) {
	for _, p := range op.Parameters {
		if p.In == "path" || p.In == "query" && isID(p.Name) {
			found = append(found, p.In+" "+p.Name)
		}
	}
	for _, name := range document.Fields(op) {
		if isID(name) {
			found = append(found, "body "+name)
		}
	}
	return found
}

func isID(name string) bool { return name == "id" || name == "key" || strings.HasSuffix(name, "_id") }

func example(op *testsystem.Operation) any {
	if op.Body == nil {
		return nil
	}
	return op.Body.Content["application/json"].Example
}

// call makes one call with an id in a slot and ids of the tenant's own in the
// others, and returns all of the answer but what differs between any two calls.
func (w *world) call(t *testing.T, op *testsystem.Operation, slot, id string) string {
	t.Helper()
	pick := func(place, name string, otherwise any) any {
		if slot == place+" "+name {
			return id
		}
		if own, ok := w.own[strings.TrimSuffix(name, "_id")]; ok {
			return own
		}
		return otherwise
	}
	path, query := op.Path, url.Values{}
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			value := pick("path", p.Name, w.own[strings.TrimSuffix(strings.Split(op.Path, "/")[3], "s")])
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(fmt.Sprint(value)))
		case p.In == "query" && (p.Required || slot == "query "+p.Name):
			query.Set(p.Name, fmt.Sprint(pick("query", p.Name, p.Example)))
		}
	}
	var body []byte
	if fields, ok := example(op).(map[string]any); ok {
		sent := maps.Clone(fields)
		for name, value := range fields {
			if isID(name) && value != nil {
				sent[name] = pick("body", name, value)
			}
		}
		if name, ok := strings.CutPrefix(slot, "body "); ok {
			sent[name] = id
		}
		body, _ = json.Marshal(sent)
	}
	request, err := http.NewRequest(op.Method, w.API+path+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", w.Key)
	request.Header.Set("Content-Type", "application/json")
	response, raw, err := testsystem.Send(request)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Request-Id", "Date", "Ratelimit"} {
		response.Header.Del(name)
	}
	answer := fmt.Sprint(response.StatusCode, " ", response.Header, " ", string(raw))
	return drawn.ReplaceAllString(idPattern.ReplaceAllString(answer, "ID"), "…")
}
