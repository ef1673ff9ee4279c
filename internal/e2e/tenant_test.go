package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rawlink/internal/testsystem"
)

// testTenants calls every operation on one thing with another tenant's ids, and
// wants just what ids get that never were.
func testTenants(t *testing.T, s *testsystem.System) {
	c := s.Client()
	space := c.Space(t)
	folder := c.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "mine", "space_id": space}).Text("id")
	file := c.CleanFile(t, space, "mine.txt", "text/plain", text(t))
	share, path := c.Share(t, file, nil)
	hook := c.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": "https://example.com/"}).Text("id")
	upload := c.Initiate(t, space, "open.txt", "text/plain", 5)

	other := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	otherSpace := other.Space(t)
	calls := []struct {
		method, path string
		body         func(id map[string]string) any
	}{
		{"GET", "/spaces/{space}", nil}, {"PATCH", "/spaces/{space}", fields("name", "x")}, {"DELETE", "/spaces/{space}", nil}, {"DELETE", "/spaces/{space}?recursive=true", nil},
		{"GET", "/folders?space_id={space}", nil}, {"GET", "/folders?parent_id={folder}", nil}, {"GET", "/files?space_id={space}", nil}, {"GET", "/files?folder_id={folder}", nil},
		{"POST", "/folders", fields("name", "x", "space_id", "{space}")},
		{"POST", "/folders", fields("name", "x", "space_id", otherSpace, "parent_id", "{folder}")},
		{"GET", "/folders/{folder}", nil}, {"PATCH", "/folders/{folder}", fields("name", "x")}, {"DELETE", "/folders/{folder}", nil},
		{"POST", "/folders/{folder}/restore", nil}, {"GET", "/folders/{folder}/stats", nil},
		{"GET", "/files/{file}", nil}, {"PATCH", "/files/{file}", fields("original_name", "x")}, {"PATCH", "/files/{file}", fields("folder_id", "{folder}")},
		{"DELETE", "/files/{file}", nil}, {"POST", "/files/{file}/restore", nil}, {"GET", "/files/{file}/download", nil}, {"GET", "/files/{file}/preview", nil},
		{"DELETE", "/gdpr/files/{file}", nil}, {"DELETE", "/gdpr/trash?space_id={space}", nil},
		{"POST", "/uploads/initiate", fields("original_name", "x", "size", 1, "space_id", "{space}")},
		{"POST", "/uploads/initiate", fields("original_name", "x", "size", 1, "space_id", otherSpace, "folder_id", "{folder}")},
		{"POST", "/uploads/complete", fields("file_id", "{upload}", "key", "{key}")}, {"POST", "/uploads/complete", fields("file_id", "{file}", "key", "{key}")},
		{"POST", "/uploads/abort", fields("file_id", "{upload}")},
		{"POST", "/uploads/import-url", fields("url", "http://127.0.0.2:1/", "space_id", "{space}")}, {"POST", "/uploads/import-url", fields("url", "http://127.0.0.2:1/", "space_id", otherSpace, "folder_id", "{folder}")},
		{"GET", "/webhooks/{hook}", nil}, {"PATCH", "/webhooks/{hook}", fields("enabled", false)}, {"DELETE", "/webhooks/{hook}", nil}, {"GET", "/webhooks/{hook}/deliveries", nil}, {"POST", "/webhooks/{hook}/deliveries/{file}/replay", nil},
		{"POST", "/shares", fields("file_id", "{file}")}, {"GET", "/shares?file_id={file}", nil}, {"GET", "/shares/{share}", nil}, {"PATCH", "/shares/{share}", fields("max_downloads", 1)}, {"DELETE", "/shares/{share}", nil},
	}
	theirs := map[string]string{"space": space, "folder": folder, "file": file, "share": share, "hook": hook, "upload": upload.Text("file_id"), "key": upload.Text("key")}
	for _, call := range calls {
		never := map[string]string{"key": uuid.NewString() + "/" + uuid.NewString()}
		for name := range theirs {
			if name != "key" {
				never[name] = uuid.NewString()
			}
		}
		send := func(ids map[string]string) *testsystem.Answer {
			var body any
			if call.body != nil {
				body = call.body(ids)
			}
			return other.Do(t, call.method, insert(call.path, ids), body)
		}
		got, want := send(theirs), send(never)
		if got.Status != 404 || want.Status != 404 || string(got.Raw) != string(want.Raw) {
			t.Errorf("%s %s: %d %s for another tenant's ids, %d %s for none; want the same 404", call.method, call.path, got.Status, got.Raw, want.Status, want.Raw)
		}
		for name := range want.Header {
			if name != "X-Request-Id" && name != "Date" && name != "Ratelimit" && got.Header.Get(name) != want.Header.Get(name) {
				t.Errorf("%s %s: header %s tells them apart", call.method, call.path, name)
			}
		}
	}
	everywhere(t, s, path, 200)
	c.Must(t, 204, "POST", "/uploads/abort", testsystem.Object{"file_id": upload.Text("file_id")})
	if got := c.Must(t, 200, "GET", "/spaces/"+space, nil).Text("name"); got != "test space" {
		t.Errorf("the space is now named %q", got)
	}
}

// fields makes a body of name, value pairs; {name} in a value is an id.
func fields(pairs ...any) func(map[string]string) any {
	return func(ids map[string]string) any {
		body := testsystem.Object{}
		for i := 0; i < len(pairs); i += 2 {
			value := pairs[i+1]
			if text, ok := value.(string); ok {
				value = insert(text, ids)
			}
			body[fmt.Sprint(pairs[i])] = value
		}
		return body
	}
}

func insert(text string, ids map[string]string) string {
	for name, id := range ids {
		text = strings.ReplaceAll(text, "{"+name+"}", id)
	}
	return text
}

func testScopes(t *testing.T, s *testsystem.System) {
	all := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	me := all.Must(t, 200, "GET", "/me", nil)
	reader := s.As(s.NewKey(t, me.Text("tenant_id"), "files:read", "spaces:read"))
	reader.Must(t, 200, "GET", "/spaces", nil)
	refused := reader.Must(t, 403, "POST", "/spaces", testsystem.Object{"name": ""}) // before its validation
	detail, _ := refused.Body["detail"].(map[string]any)
	if fmt.Sprint(detail) != "map[error:insufficient_scope missing:[spaces:write] required:[spaces:write]]" {
		t.Errorf("detail = %v; want the missing scope named", detail)
	}
	for method, path := range map[string]string{"GET": "/shares", "POST": "/uploads/initiate", "DELETE": "/files/" + uuid.NewString()} {
		if got := reader.Do(t, method, path, nil).Status; got != 403 {
			t.Errorf("%s %s = %d without its scope; want 403", method, path, got)
		}
	}
	if got := reader.Must(t, 200, "GET", "/me", nil); fmt.Sprint(got.Body["scopes"]) != "[files:read spaces:read]" || got.Text("mode") != "live" {
		t.Errorf("me = %s", got.Raw)
	}
}

func testKeys(t *testing.T, s *testsystem.System) {
	for name, key := range map[string]string{"no key": "", "unknown": "fck_live_00000000000000000000000000000000", "not a key": "hello"} {
		a := s.As(key).Must(t, 401, "GET", "/spaces", nil)
		if a.Detail() == "" || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s; want a detail and WWW-Authenticate", name, a.Raw)
		}
	}
	key := s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1})
	response, _, err := testsystem.Fetch(t, "GET", s.API+"/api/v1/spaces", "Authorization", "Bearer "+key)
	if err != nil || response.StatusCode != 200 {
		t.Errorf("Authorization: Bearer: %v, %v; want 200", response, err)
	}
	if first := s.As(key).Must(t, 200, "GET", "/spaces", nil); len(first.List) != 1 || first.List[0]["name"] != "My files" {
		t.Errorf("a new tenant's spaces = %s; want My files", first.Raw)
	}
	if missing := s.As(key).Must(t, 404, "GET", "/nothing", nil); missing.Detail() == "" {
		t.Errorf("unknown endpoint: %s; want a detail", missing.Raw)
	}
	if wrong := s.As(key).Must(t, 405, "PUT", "/spaces", nil); wrong.Detail() == "" || strings.Join(wrong.Header.Values("Allow"), ", ") != "GET, POST" {
		t.Errorf("wrong method: %s, Allow %v; want a detail, and GET and POST allowed", wrong.Raw, wrong.Header.Values("Allow"))
	}
}
