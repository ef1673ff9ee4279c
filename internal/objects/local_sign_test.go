package objects

import (
	"errors"
	"net/url"
	"testing"
	"time"
)

func TestGrantSurvivesItsQuery(t *testing.T) {
	s := signer{secret: []byte("secret")}
	now := time.Unix(1000, 0)
	for _, g := range []grant{
		{method: "PUT", key: "a/b", expires: 1001, size: 7, contentType: "text/plain; charset=utf-8", sha256: "ab"},
		{method: "PUT", key: "é &=", expires: 1001, size: 9, uploadID: "U", part: 3},
		{method: "GET", key: "k", expires: 1001, disposition: `inline; filename="a&b=c.txt"`, contentType: "a/b"},
	} {
		got, err := s.verify(g.method, g.key, s.query(g), now)
		if err != nil || got != g {
			t.Errorf("verify(query(%+v)) = %+v, %v", g, got, err)
		}
		if _, err := s.verify(g.method, g.key, s.query(g), now.Add(time.Second)); !errors.Is(err, errExpired) {
			t.Errorf("at its end: %v; want %v", err, errExpired)
		}
	}
}

// FuzzSignature changes one thing about a signed request: nothing else than what
// was signed may pass.
func FuzzSignature(f *testing.F) {
	s := signer{secret: []byte("secret")}
	g := grant{method: "PUT", key: "a/b", expires: 1001, size: 7, contentType: "text/plain"}
	query := s.query(g)
	f.Add("PUT", "a/b", query)
	f.Add("GET", "a/b", query)
	f.Add("PUT", "a", query)
	f.Add("PUT", "a/b", query+"&size=8")
	f.Add("PUT", "a/b", "")
	f.Add("PUT", "a/b", "signature=")
	f.Fuzz(func(t *testing.T, method, key, given string) {
		got, err := s.verify(method, key, given, time.Unix(1000, 0))
		if err != nil {
			return
		}
		values, _ := url.ParseQuery(given) // another spelling of the same query is the same query
		if got != g || values.Encode() != query {
			t.Fatalf("%s %q with %q passed as %+v", method, key, given, got)
		}
	})
}
