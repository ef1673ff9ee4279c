package edge

import (
	"fmt"
	"strings"
	"testing"
)

func TestPagesAreSmallAndInert(t *testing.T) {
	all := map[string]*refusal{"method": refusedMethod, "header": refusedHeader, "body": refusedBody, "timeout": refusedTimeout, "tries": refusedTries}
	for kind, r := range refusals {
		all[fmt.Sprint("kind ", kind)] = r
	}
	for _, c := range causes {
		all[c.err.Error()] = c.refusal
	}
	for status, r := range unmet {
		all[fmt.Sprint("unmet ", status)] = r
	}
	titles := map[string]string{}
	for name, r := range all {
		text := string(r.page)
		if len(text) >= 8<<10 {
			t.Errorf("%s: %d bytes; want less than 8 KiB", name, len(text))
		}
		for _, bad := range []string{"<script", "http:", "https:", "url(", "src=", "href=", "@import", " style=", "javascript:", " on"} {
			if i := strings.Index(text, bad); i >= 0 && (bad != " on" || strings.Contains(text[i:i+12], "=")) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
		for _, needed := range []string{`<html lang="en">`, "width=device-width", "<main", "<h1>", "prefers-color-scheme:dark", "<style>" + pageStyle + "</style>"} {
			if !strings.Contains(text, needed) {
				t.Errorf("%s lacks %q", name, needed)
			}
		}
		if r.form != strings.Contains(text, `<form method="post">`) || r.challenge != strings.Contains(text, `type="password"`) || r.challenge != (r.status == 401) {
			t.Errorf("%s: status %d with a form: %v", name, r.status, strings.Contains(text, "<form"))
		}
		title := text[strings.Index(text, "<title>"):strings.Index(text, "</title>")]
		titles[fmt.Sprint(title, r.status, string(r.json))] = name
	}
	if len(titles) < len(all)-1 { // not ready is there twice
		t.Errorf("%d pages, %d of them different", len(all), len(titles))
	}
}
