package origin

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBodyThatNeverComes announces a body and sends none, to operations that read it and
// to answers for which nobody does: each is answered, and none holds its connection.
func TestBodyThatNeverComes(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	key := "X-API-Key: " + r.Key + "\r\n"
	var requests sync.WaitGroup
	for _, test := range []struct {
		request string
		headers string
		want    int
	}{
		{"POST /api/v1/shares", key, http.StatusRequestTimeout},
		{"POST /api/v1/shares", "", http.StatusUnauthorized},
		{"GET /api/v1/me", key, http.StatusOK},
		{"DELETE /api/v1/shares/none", key, http.StatusNotFound},
		{"GET /docs", "", http.StatusOK},
		{"PUT /nothing", "", http.StatusNotFound},
	} {
		requests.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.API, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(2 * bodyTimeout))
			_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 10\r\n%s\r\n", test.request, test.headers)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s: %v; want an answer", test.request, err)
				return
			}
			_ = response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("%s: %d; want %d", test.request, response.StatusCode, test.want)
			}
			if !response.Close {
				t.Errorf("%s: the connection is kept, with a body to come", test.request)
			}
		})
	}
	requests.Wait()
}
