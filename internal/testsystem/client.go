package testsystem

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Client is a partner: one API key, plain net/http.
type Client struct {
	API string
	Key string
}

// Client returns a client with the system's first key.
func (s *System) Client() *Client { return &Client{API: s.API, Key: s.Key} }

// As returns a client with another key.
func (s *System) As(key string) *Client { return &Client{API: s.API, Key: key} }

// Answer is a response of the API.
type Answer struct {
	Status int
	Header http.Header
	Raw    []byte
	Body   map[string]any   // set if the body is an object
	List   []map[string]any // set if it is an array
}

// Text returns a string field of the answer, "" if it is null or absent.
func (a *Answer) Text(field string) string {
	text, _ := a.Body[field].(string)
	return text
}

// Number returns a numeric field of the answer.
func (a *Answer) Number(field string) int64 {
	n, _ := a.Body[field].(float64)
	return int64(n)
}

// Detail returns the error's detail if it is a string.
func (a *Answer) Detail() string { return a.Text("detail") }

// Object is a JSON object to send.
type Object map[string]any

// prefix stands before every path of the API.
const prefix = "/api/v1"

// Do sends a request; body may be nil, an Object, or a string sent as it is. Each
// answer is held to the API's own document.
func (c *Client) Do(tb testing.TB, method, path string, body any) *Answer {
	tb.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			tb.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, c.API+prefix+path, reader)
	if err != nil {
		tb.Fatal(err)
	}
	if c.Key != "" {
		request.Header.Set("X-API-Key", c.Key)
	}
	if reader != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := partner.Do(request)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	a := &Answer{Status: response.StatusCode, Header: response.Header}
	if a.Raw, err = io.ReadAll(response.Body); err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	if len(a.Raw) > 0 && json.Unmarshal(a.Raw, &a.Body) != nil && json.Unmarshal(a.Raw, &a.List) != nil {
		tb.Fatalf("%s %s: not JSON: %.200s", method, path, a.Raw)
	}
	d := document(tb, c.API)
	if op := d.Find(method, prefix+path); op != nil {
		if err := d.Judge(op, a.Status, a.Header, a.Raw); err != nil {
			tb.Errorf("%s %s: %v", method, path, err)
		}
	}
	return a
}

var partner = &http.Client{Timeout: 60 * time.Second}

// Must is Do that fails the test unless the answer has this status.
func (c *Client) Must(tb testing.TB, status int, method, path string, body any) *Answer {
	tb.Helper()
	a := c.Do(tb, method, path, body)
	if a.Status != status {
		tb.Fatalf("%s %s = %d %s; want %d", method, path, a.Status, a.Raw, status)
	}
	return a
}

// Space makes a space and returns its id.
func (c *Client) Space(tb testing.TB) string {
	tb.Helper()
	return c.Must(tb, 201, "POST", "/spaces", Object{"name": "test space"}).Text("id")
}

// Initiate reserves an upload.
func (c *Client) Initiate(tb testing.TB, space, name, contentType string, size int) *Answer {
	tb.Helper()
	return c.Must(tb, 200, "POST", "/uploads/initiate", Object{"original_name": name, "content_type": contentType, "size": size, "space_id": space})
}

// Put sends bytes to a presigned URL and returns the answer's status and ETag.
func Put(tb testing.TB, url, contentType string, content []byte) (status int, etag string) {
	tb.Helper()
	request, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		tb.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := partner.Do(request)
	if err != nil {
		tb.Fatalf("PUT: %v", err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode, response.Header.Get("ETag")
}

// Upload stores content and returns the file, after complete answered; extra
// goes into the complete request.
func (c *Client) Upload(tb testing.TB, space, name, contentType string, content []byte, extra Object) *Answer {
	tb.Helper()
	ticket := c.Initiate(tb, space, name, contentType, len(content))
	if status, _ := Put(tb, ticket.Text("upload_url"), contentType, content); status != 200 {
		tb.Fatalf("PUT = %d; want 200", status)
	}
	body := Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
	for field, value := range extra {
		body[field] = value
	}
	return c.Must(tb, 200, "POST", "/uploads/complete", body)
}

// CleanFile stores content, waits until it is clean, and returns the file's id.
func (c *Client) CleanFile(tb testing.TB, space, name, contentType string, content []byte) string {
	tb.Helper()
	id := c.Upload(tb, space, name, contentType, content, nil).Text("id")
	c.AwaitClean(tb, id)
	return id
}

// AwaitClean waits for a file's verdict.
func (c *Client) AwaitClean(tb testing.TB, fileID string) {
	tb.Helper()
	Until(tb, 20*time.Second, "clean", func() error {
		if status := c.Must(tb, 200, "GET", "/files/"+fileID, nil).Text("scan_status"); status != "clean" {
			return fmt.Errorf("scan_status %s", status)
		}
		return nil
	})
}

// Share makes a link and returns its id and the path of its URL.
func (c *Client) Share(tb testing.TB, fileID string, fields Object) (id, path string) {
	tb.Helper()
	body := Object{"file_id": fileID}
	for field, value := range fields {
		body[field] = value
	}
	made := c.Must(tb, 201, "POST", "/shares", body)
	url := made.Text("url")
	return made.Text("id"), url[strings.Index(url, "/s/"):]
}

// SHA256 is the digest of content in hex.
func SHA256(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Fetch is one GET, or another method, of a raw link, with headers as
// name, value pairs. A body that breaks off is reported as err.
func Fetch(tb testing.TB, method, url string, headers ...string) (response *http.Response, body []byte, err error) {
	tb.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return Send(request)
}

// Send is one request as it is, without a redirect being followed.
func Send(request *http.Request) (response *http.Response, body []byte, err error) {
	response, err = user.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	return response, body, err
}

// user follows no redirects and asks for no compression: it sees what is sent.
var user = &http.Client{
	Timeout:       60 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
}
