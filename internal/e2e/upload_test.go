package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// uploadParts sends content as a multipart upload and returns the clean file.
func uploadParts(t *testing.T, c *testsystem.Client, space, name string, content []byte) string {
	t.Helper()
	file := sendParts(t, c, space, name, content)
	c.AwaitClean(t, file)
	return file
}

// sendParts sends content as a multipart upload and returns the file, whose scan may be
// under way.
func sendParts(t *testing.T, c *testsystem.Client, space, name string, content []byte) string {
	t.Helper()
	ticket := c.Initiate(t, space, name, "application/octet-stream", len(content))
	if ticket.Text("mode") != "multipart" {
		t.Fatalf("ticket = %s; want multipart", ticket.Raw)
	}
	size := int(ticket.Number("part_size"))
	parts := []testsystem.Object{}
	urls, _ := ticket.Body["part_urls"].([]any)
	for i, one := range urls {
		part, _ := one.(map[string]any)
		url, _ := part["url"].(string)
		status, etag := testsystem.Put(t, url, "", content[i*size:min(len(content), (i+1)*size)])
		if status != 200 {
			t.Fatalf("part %d: %d", i+1, status)
		}
		parts = append(parts, testsystem.Object{"PartNumber": part["part_number"], "ETag": etag})
	}
	body := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key"), "upload_id": ticket.Text("upload_id"), "parts": parts, "sha256": testsystem.SHA256(content)}
	c.Must(t, 422, "POST", "/uploads/complete", testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key"), "upload_id": ticket.Text("upload_id"), "parts": parts[:1]})
	file := c.Must(t, 200, "POST", "/uploads/complete", body).Text("id")
	if again := c.Must(t, 200, "POST", "/uploads/complete", body).Text("id"); again != file {
		t.Errorf("complete again made %s; want %s", again, file)
	}
	return file
}

func testMultipart(t *testing.T, s *testsystem.System) {
	c := s.Client()
	space := c.Space(t)
	content := bytes.Repeat([]byte("part by part "), 1_000_000) // 13 MB: two whole parts and a rest
	file := uploadParts(t, c, space, "parts.bin", content)
	if got := c.Must(t, 200, "GET", "/files/"+file, nil).Text("sha256"); got != testsystem.SHA256(content) {
		t.Errorf("sha256 = %s; want the whole content's", got)
	}
	_, path := c.Share(t, file, nil)
	for _, files := range s.Files {
		response, body, err := testsystem.Fetch(t, "GET", files+path, "Range", "bytes=5242000-5243999") // across parts
		if err != nil || response.StatusCode != 206 || !bytes.Equal(body, content[5242000:5244000]) {
			t.Errorf("range across parts: %v, %v", response, err)
		}
	}
	left := c.Initiate(t, space, "never.bin", "application/octet-stream", 7<<20)
	c.Must(t, 204, "POST", "/uploads/abort", testsystem.Object{"file_id": left.Text("file_id")})
}

func testBadInput(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	space := c.Space(t)
	file := c.CleanFile(t, space, "a.txt", "text/plain", []byte("a"))
	link, _ := c.Share(t, file, nil)
	initiate := func(field string, value any) testsystem.Object {
		body := testsystem.Object{"original_name": "a", "size": 1, "space_id": space}
		body[field] = value
		return body
	}
	tests := []struct {
		name, method, path string
		body               any
		status             int
		detail             string // begins so
	}{
		{"not JSON", "POST", "/spaces", `{"name":`, 422, "body"},
		{"no body", "POST", "/spaces", nil, 422, "request body"},
		{"wrong type", "POST", "/spaces", `{"name":7}`, 422, "name: "},
		{"an array", "POST", "/spaces", `[]`, 422, "body"},
		{"name missing", "POST", "/spaces", `{}`, 422, "name: is required"},
		{"name empty", "POST", "/spaces", testsystem.Object{"name": " "}, 422, "name: "},
		{"name too long", "POST", "/spaces", testsystem.Object{"name": strings.Repeat("ü", 201)}, 422, "name: "},
		{"body too large", "POST", "/spaces", testsystem.Object{"name": "x", "more": strings.Repeat("x", 2<<20)}, 413, ""},
		{"unknown field", "POST", "/spaces", testsystem.Object{"name": "x", "more": 1}, 201, ""},
		{"separator", "POST", "/folders", testsystem.Object{"name": "a/b", "space_id": space}, 422, "name: "},
		{"backslash", "POST", "/folders", testsystem.Object{"name": `a\b`, "space_id": space}, 422, "name: "},
		{"traversal", "POST", "/folders", testsystem.Object{"name": "..", "space_id": space}, 422, "name: "},
		{"control character", "POST", "/folders", testsystem.Object{"name": "a\u0000b", "space_id": space}, 422, "name: "},
		{"name of 256", "POST", "/folders", testsystem.Object{"name": strings.Repeat("a", 256), "space_id": space}, 422, "name: "},
		{"unknown space", "POST", "/folders", testsystem.Object{"name": "a", "space_id": uuid.NewString()}, 404, "space not found"},
		{"not an id", "GET", "/files/%00%ff", nil, 404, "file not found"},
		{"rename to a path", "PATCH", "/files/" + file, testsystem.Object{"original_name": "../../etc/passwd"}, 422, "original_name: "},
		{"move to nowhere", "PATCH", "/files/" + file, testsystem.Object{"folder_id": uuid.NewString()}, 404, "folder not found"},
		{"size zero", "POST", "/uploads/initiate", initiate("size", 0), 422, "size: "},
		{"size negative", "POST", "/uploads/initiate", initiate("size", -1), 422, "size: "},
		{"size as text", "POST", "/uploads/initiate", initiate("size", "1"), 422, "size: "},
		{"size missing", "POST", "/uploads/initiate", testsystem.Object{"original_name": "a", "space_id": space}, 422, "size: is required"},
		{"size above the limit", "POST", "/uploads/initiate", initiate("size", int64(1)<<50), 413, "size: "},
		{"name with line break", "POST", "/uploads/initiate", initiate("original_name", "a\r\nX-Evil: 1"), 422, "original_name: "},
		{"type is none", "POST", "/uploads/initiate", initiate("content_type", "no type"), 422, "content_type: "},
		{"type with two blanks", "POST", "/uploads/initiate", initiate("content_type", "text/plain;  a=b"), 422, "content_type: "},
		{"type that is not ASCII", "POST", "/uploads/initiate", initiate("content_type", `text/plain; a="ü"`), 422, "content_type: "},
		{"numbers as floats", "POST", "/uploads/initiate", `{"original_name":"a","size":1e0,"space_id":"` + space + `"}`, 200, ""},
		{"numbers with fractions", "POST", "/uploads/initiate", `{"original_name":"a","size":1.5,"space_id":"` + space + `"}`, 422, "size: "},
		{"name twice", "POST", "/spaces", `{"name":"a","name":"b"}`, 422, "body: "},
		{"name in capitals", "POST", "/spaces", `{"NAME":"a"}`, 422, "name: is required"},
		{"cap in capitals", "POST", "/shares", `{"file_id":"` + file + `","MAX_DOWNLOADS":-1}`, 201, ""}, // an unknown field
		{"lone surrogate", "POST", "/spaces", `{"name":"\ud800"}`, 422, "body: "},
		{"no UTF-8", "POST", "/spaces", "{\"name\":\"\xff\"}", 422, "body: "},
		{"deeply nested", "POST", "/spaces", `{"name":"a","more":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, 422, "body: "},
		{"100,000 wrong parts", "POST", "/uploads/complete", `{"file_id":"a","key":"b","parts":[` + strings.Repeat("1,", 99_999) + `1]}`, 422, "parts"},
		{"100,000 unknown tags", "POST", "/spaces", `{"name":"a","tags":[` + strings.Repeat("\"x\",", 99_999) + `"x"]}`, 201, ""},
		{"PATCH of a path that only has GET", "PATCH", "/files/resolve", testsystem.Object{"name": "x"}, 405, "this endpoint"},
		{"days -1", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": -1}, 422, "expires_in_days: "},
		{"days beyond all numbers", "POST", "/shares", `{"file_id":"` + file + `","expires_in_days":1e300}`, 422, "expires_in_days: "},
		{"days as text", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": "7"}, 422, "expires_in_days: "},
		{"half a day", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 0.5}, 422, "expires_in_days: "},
		{"days 1", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 1}, 201, ""},
		{"days 365", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 365}, 201, ""},
		{"the year 10000 in UTC", "POST", "/shares", testsystem.Object{"file_id": file, "expires_at": "9999-12-31T23:59:59-14:00"}, 422, "expires_at: "},
		{"the year 0", "POST", "/shares", testsystem.Object{"file_id": file, "expires_at": "0000-01-01T00:00:00Z"}, 422, "expires_at: "},
		{"sha256 is none", "POST", "/uploads/initiate", initiate("sha256", "abc"), 422, "sha256: "},
		{"client key with NUL", "POST", "/uploads/initiate", initiate("client_key", "a\u0000"), 422, "client_key: "},
		{"days 0", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 0}, 422, "expires_in_days: "},
		{"days 366", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 366}, 422, "expires_in_days: "},
		{"days and date", "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 1, "expires_at": "2090-01-01T00:00:00Z"}, 422, "expires_at: "},
		{"in the past", "POST", "/shares", testsystem.Object{"file_id": file, "expires_at": "2020-01-01T00:00:00Z"}, 422, "expires_at: "},
		{"no date", "POST", "/shares", testsystem.Object{"file_id": file, "expires_at": "tomorrow"}, 422, "expires_at: "},
		{"cap 0", "POST", "/shares", testsystem.Object{"file_id": file, "max_downloads": 0}, 422, "max_downloads: "},
		{"permission", "POST", "/shares", testsystem.Object{"file_id": file, "permission": "edit"}, 422, "permission: "},
		{"change to cap 0", "PATCH", "/shares/" + link, testsystem.Object{"max_downloads": 0}, 422, "max_downloads: "},
		{"change to the past", "PATCH", "/shares/" + link, testsystem.Object{"expires_at": "2020-01-01T00:00:00Z"}, 422, "expires_at: "},
		{"change to 366 days", "PATCH", "/shares/" + link, testsystem.Object{"expires_in_days": 366}, 422, "expires_in_days: "},
		{"change with a wrong type", "PATCH", "/shares/" + link, testsystem.Object{"max_downloads": "1"}, 422, "max_downloads: "},
		{"unknown file", "POST", "/shares", testsystem.Object{"file_id": uuid.NewString()}, 404, "file not found"},
		{"file missing", "POST", "/shares", testsystem.Object{}, 422, "file_id: is required"},
		{"scan status", "GET", "/files?scan_status=dirty", nil, 422, "scan_status: "},
	}
	for _, test := range tests {
		a := c.Do(t, test.method, test.path, test.body)
		if a.Status != test.status || !strings.HasPrefix(a.Detail(), test.detail) {
			t.Errorf("%s: %d %s; want %d with %q", test.name, a.Status, a.Raw, test.status, test.detail)
		}
	}
	used(t, c, 2, 4) // what is accepted above counts
}

func testBadUploads(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	space := c.Space(t)
	complete := func(ticket *testsystem.Answer, more testsystem.Object) *testsystem.Answer {
		body := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
		for field, value := range more {
			body[field] = value
		}
		return c.Do(t, "POST", "/uploads/complete", body)
	}
	ticket := c.Initiate(t, space, "a.txt", "text/plain", 10)
	if a := complete(ticket, nil); a.Status != 400 {
		t.Errorf("complete without the object: %d %s; want 400", a.Status, a.Raw)
	}
	wrong := []struct{ name, query, contentType, content string }{
		{"shorter", "", "text/plain", "123456789"},
		{"longer", "", "text/plain", "12345678901"},
		{"another type", "", "text/html", "1234567890"},
		{"changed query", "0", "text/plain", "1234567890"},
	}
	for _, put := range wrong {
		if status, _ := testsystem.Put(t, ticket.Text("upload_url")+put.query, put.contentType, []byte(put.content)); status < 400 || status >= 500 {
			t.Errorf("PUT %s = %d; want it refused", put.name, status)
		}
	}
	if a := complete(ticket, nil); a.Status != 400 {
		t.Errorf("complete after refused PUTs: %d %s; want 400", a.Status, a.Raw)
	}
	if status, _ := testsystem.Put(t, ticket.Text("upload_url"), "text/plain", []byte("1234567890")); status != 200 {
		t.Fatalf("PUT = %d; want 200", status)
	}
	for field, value := range map[string]any{"key": "somebody/else", "size": 11, "sha256": "abc"} {
		a := complete(ticket, testsystem.Object{field: value})
		if a.Status != 422 || !strings.HasPrefix(a.Detail(), field+": ") {
			t.Errorf("complete with a wrong %s: %d %s; want 422", field, a.Status, a.Raw)
		}
	}
	used(t, c, 10, 0)
	if a := complete(ticket, testsystem.Object{"size": 10, "original_name": "a.txt", "mime": "text/plain", "space_id": space, "upload_id": nil, "parts": nil, "app": nil}); a.Status != 200 {
		t.Errorf("complete: %d %s; want 200", a.Status, a.Raw)
	}
	c.Must(t, 404, "POST", "/uploads/complete", testsystem.Object{"file_id": uuid.NewString(), "key": "x"})

	// Bytes that aren't what their uploader says are refused, if not at once, as the store
	// can't tell, then when the scan could.
	other := c.Initiate(t, space, "b.txt", "text/plain", 3)
	testsystem.Put(t, other.Text("upload_url"), "text/plain", []byte("abc"))
	testsystem.Until(t, 20*time.Second, "refusal of another digest", func() error {
		a := complete(other, testsystem.Object{"sha256": strings.Repeat("0", 64)})
		if a.Status == 200 && a.Text("scan_status") != "pending" {
			t.Errorf("a file with another digest: %s", a.Raw)
		}
		if a.Status != 400 || !strings.HasPrefix(a.Detail(), "sha256: ") {
			return fmt.Errorf("complete: %d %s", a.Status, a.Raw)
		}
		return nil
	})
	used(t, c, 10, 0)
}

// testTicketReach uses a ticket again after its file was scanned and shared:
// nothing that it can still write is ever served, and nothing is lost by it.
func testTicketReach(t *testing.T, s *testsystem.System) {
	c := s.Client()
	space := c.Space(t)
	good, evil := bytes.Repeat([]byte("good"), 17), testenv.EICAR() // both of 68 bytes
	ticket := c.Initiate(t, space, "a.txt", "text/plain", len(good))
	put := func(content []byte) {
		t.Helper()
		if status, _ := testsystem.Put(t, ticket.Text("upload_url"), "text/plain", content); status != 200 {
			t.Logf("PUT = %d", status) // refusing it is as good
		}
	}
	put(good)
	body := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
	file := c.Must(t, 200, "POST", "/uploads/complete", body).Text("id")
	c.AwaitClean(t, file)
	_, path := c.Share(t, file, nil)
	put(evil)
	if again := c.Must(t, 200, "POST", "/uploads/complete", body); again.Text("sha256") != testsystem.SHA256(good) {
		t.Errorf("complete again = %s; want the file as it was scanned", again.Raw)
	}
	for _, files := range s.Files {
		if response, got, err := testsystem.Fetch(t, "GET", files+path); err != nil || response.StatusCode != 200 || !bytes.Equal(got, good) {
			t.Errorf("the link: %v, %v, %q; want the scanned bytes", response, err, got)
		}
	}
	for _, kind := range []string{"download", "preview"} {
		url := c.Must(t, 200, "GET", "/files/"+file+"/"+kind, nil).Text("url")
		if response, got, err := testsystem.Fetch(t, "GET", url); err != nil || !bytes.Equal(got, good) {
			t.Errorf("%s: %v, %v, %q; want the scanned bytes", kind, response, err, got)
		}
	}
}

func testDownloadURL(t *testing.T, s *testsystem.System) {
	c := s.Client()
	content := []byte("<script>alert(1)</script>")
	file := c.CleanFile(t, c.Space(t), "page.html", "text/html", content)
	for _, kind := range []string{"download", "preview"} {
		url := c.Must(t, 200, "GET", "/files/"+file+"/"+kind, nil).Text("url")
		response, body, err := testsystem.Fetch(t, "GET", url)
		if err != nil || response.StatusCode != 200 || !bytes.Equal(body, content) {
			t.Fatalf("%s: %v, %v", kind, response, err)
		}
		if got := response.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
			t.Errorf("%s of HTML: Content-Disposition %q; want attachment", kind, got)
		}
		if got := response.Header.Get("Content-Type"); strings.Contains(got, "html") {
			t.Errorf("%s of HTML: Content-Type %q; want a type that runs nothing", kind, got)
		}
	}
}
