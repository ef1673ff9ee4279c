package origin

import (
	"net/http"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

// TestWhatIsShownHasATag: an ETag stands for what is shown. Whoever sends it back to a
// GET is told that nothing is new, until something is.
func TestWhatIsShownHasATag(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	made := r.Must(t, 201, "POST", "/spaces", testsystem.Object{"name": "a"})
	path, first := prefix+"/spaces/"+made.Text("id"), made.Header.Get("ETag")
	get := func(want int, tags string) *http.Response {
		t.Helper()
		response, body := r.send(t, "GET", path, "", "If-None-Match", tags)
		if response.StatusCode != want || response.Header.Get("ETag") == "" || (want == 304) != (body == "") {
			t.Errorf("GET unless %s = %d, ETag %q, %q; want %d", tags, response.StatusCode, response.Header.Get("ETag"), body, want)
		}
		return response
	}
	for tags, want := range map[string]int{first: 304, "W/" + first: 304, `"x", ` + first: 304, `"x",W/"y",`: 200, "*": 304, `""`: 200} {
		get(want, tags)
	}
	changed, _ := r.send(t, "PATCH", path, `{"name":"b"}`)
	if second := get(200, first).Header.Get("ETag"); second == first || second != changed.Header.Get("ETag") {
		t.Errorf("ETag was %s, the change answered %s, then it is %s", first, changed.Header.Get("ETag"), second)
	}
	if response, _ := r.send(t, "GET", path, "", "If-Match", first); response.StatusCode != 412 {
		t.Errorf("GET if still as it was = %d; want 412", response.StatusCode)
	}
	for _, tags := range []string{"x", `"x`, `"x" "y"`, `*,"x"`, ` , `, ""} {
		response, body := r.send(t, "GET", path, "", "If-None-Match", tags)
		if want := `{"detail":"If-None-Match: is no list of entity tags, such as \"xyzzy\", and not *"}`; response.StatusCode != 422 || strings.TrimSpace(body) != want {
			t.Errorf("If-None-Match: %s = %d %s; want 422 %s", tags, response.StatusCode, body, want)
		}
	}
}

// TestChangesOfWhatWasChanged walks over every operation that the document says takes
// If-Match: one made of an old state is refused and changes nothing, one made of the
// present state goes through.
func TestChangesOfWhatWasChanged(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	bodies := map[string]string{"rename-space": `{"name":"n"}`, "update-folder": `{"name":"n"}`, "update-file": `{"name":"n"}`, "update-share": `{"max_downloads":7}`,
		"update-webhook": `{"events":["file.clean"]}`, "rotate-webhook": `{}`}
	for _, op := range must(testsystem.LoadDocument(r.API)).Operations {
		conditional := false
		for _, p := range op.Parameters {
			conditional = conditional || p.Name == "If-Match"
		}
		if !conditional || op.Method == "GET" {
			continue
		}
		t.Run(op.ID, func(t *testing.T) {
			made := r.oneOfEach(t)
			kind, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(op.Path, prefix+"/"), "gdpr/"), "/")
			shown, path := prefix+"/"+kind+"/"+made[kind], strings.ReplaceAll(op.Path, "{id}", made[kind])
			if op.ID == "delete-space" {
				path += "?recursive=true"
			}
			if strings.HasPrefix(op.ID, "restore-") {
				r.send(t, "DELETE", shown, "")
			}
			before, was := r.send(t, "GET", shown, "")
			tag := before.Header.Get("ETag")
			for _, stale := range []string{`"x"`, `W/` + tag, `"x", "y"`} {
				response, body := r.send(t, op.Method, path, bodies[op.ID], "If-Match", stale)
				if response.StatusCode != 412 || response.Header.Get("ETag") != tag || !strings.HasPrefix(body, `{"detail":"If-Match: `) {
					t.Errorf("if it is %s = %d, ETag %s, %s; want 412, ETag %s", stale, response.StatusCode, response.Header.Get("ETag"), body, tag)
				}
			}
			if response, _ := r.send(t, op.Method, path, bodies[op.ID], "If-None-Match", "*"); response.StatusCode != 412 {
				t.Errorf("if there is none = %d; want 412", response.StatusCode)
			}
			if _, is := r.send(t, "GET", shown, ""); is != was {
				t.Errorf("refused changes made %s\nof %s", is, was)
			}
			response, body := r.send(t, op.Method, path, bodies[op.ID], "If-Match", `"x", `+tag)
			if response.StatusCode >= 300 {
				t.Errorf("if it is as it is = %d %s; want success", response.StatusCode, body)
			}
			if after, _ := r.send(t, "GET", shown, ""); after.StatusCode == 200 && after.Header.Get("ETag") == tag {
				t.Errorf("after the change the ETag is %s as before", tag)
			}
		})
	}
}

// TestDownloadsChangeNoSettings: a link's cap can be changed on condition while it is
// downloaded, and a GET sees each download.
func TestDownloadsChangeNoSettings(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	path := prefix + "/shares/" + r.oneOfEach(t)["shares"]
	first, _ := r.send(t, "GET", path, "")
	r.exec(t, `UPDATE shares SET download_count = download_count + 1`)
	tag := first.Header.Get("ETag")
	if response, _ := r.send(t, "GET", path, "", "If-None-Match", tag); response.StatusCode != 200 {
		t.Errorf("GET unless as before the download = %d; want 200", response.StatusCode)
	}
	if response, body := r.send(t, "PATCH", path, `{"max_downloads":5}`, "If-Match", tag); response.StatusCode != 200 {
		t.Errorf("PATCH if as before the download = %d %s; want 200", response.StatusCode, body)
	}
	if response, body := r.send(t, "PATCH", path, `{"max_downloads":6}`, "If-Match", tag); response.StatusCode != 412 {
		t.Errorf("PATCH if as before the other = %d %s; want 412", response.StatusCode, body)
	}
}

// TestChangesWithoutACondition are refused where an origin wants one, before anything
// is looked up; making and looking need none.
func TestChangesWithoutACondition(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.RequireIfMatch = true })
	made := r.oneOfEach(t)
	for kind, id := range made {
		for _, path := range []string{prefix + "/" + kind + "/" + id, prefix + "/" + kind + "/none"} {
			for _, method := range []string{"PATCH", "DELETE"} {
				if response, body := r.send(t, method, path, `{}`); response.StatusCode != 428 || !strings.Contains(body, "If-Match: ") {
					t.Errorf("%s %s = %d %s; want 428", method, path, response.StatusCode, body)
				}
			}
		}
		if response, _ := r.send(t, "GET", prefix+"/"+kind+"/"+id, ""); response.StatusCode != 200 {
			t.Errorf("GET /%s = %d; want 200", kind, response.StatusCode)
		}
	}
	for _, id := range []string{"files", "shares"} {
		if response, body := r.send(t, "DELETE", prefix+"/"+id+"/"+made[id], "", "If-Match", "*"); response.StatusCode != 200 {
			t.Errorf("DELETE of whatever is there = %d %s; want 200", response.StatusCode, body)
		}
	}
	r.Must(t, 202, "DELETE", "/gdpr/trash", nil)
}

// oneOfEach makes one thing of each kind, and returns their ids by the kind's path.
func (r *running) oneOfEach(t *testing.T) map[string]string {
	t.Helper()
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("text"))
	link, _ := r.Share(t, file, nil)
	return map[string]string{"spaces": space, "files": file, "shares": link,
		"folders":  r.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "f", "space_id": space}).Text("id"),
		"webhooks": r.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": "https://hooks.example.com/", "events": []string{"file.purged"}}).Text("id"),
	}
}
