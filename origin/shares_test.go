package origin

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// TestSharesOfTrash asks for a link to a file that is in the trash and infected: it
// is not there, whatever is asked for.
func TestSharesOfTrash(t *testing.T) {
	r := serve(t, nil)
	file := r.Upload(t, r.Space(t), "a.txt", "text/plain", testenv.EICAR(), nil).Text("id")
	wanted := []testsystem.Object{{"file_id": file}, {"file_id": file, "password": "a password"}}
	for _, body := range wanted {
		r.Must(t, 409, "POST", "/shares", body)
	}
	r.Must(t, 200, "DELETE", "/files/"+file, nil)
	for _, body := range wanted {
		r.Must(t, 404, "POST", "/shares", body)
	}
}

// TestSharesToBeConfirmed asks for confirmation when a link is made and later, and takes
// it back: what the API shows is what edges are told, each time by a newer record.
func TestSharesToBeConfirmed(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	file := r.CleanFile(t, r.Space(t), "a.txt", "text/plain", []byte("text"))
	for body, want := range map[string]bool{"": false, `,"confirm":false`: false, `,"confirm":null`: false, `,"confirm":true`: true, `,"confirm":true,"max_downloads":1,"password":"x"`: true} {
		made := r.Must(t, 201, "POST", "/shares", `{"file_id":"`+file+`"`+body+`}`)
		shown := r.Must(t, 200, "GET", "/shares/"+made.Text("id"), nil)
		record := must(r.Store.Record(t.Context(), share.HashToken(path.Base(made.Text("url")))))
		if made.Body["confirm"] != want || shown.Body["confirm"] != want || record.Confirm != want {
			t.Errorf("made with %s: %s, then %s, record %+v; want confirm %v", body, made.Raw, shown.Raw, record, want)
		}
	}
	made := r.Must(t, 201, "POST", "/shares", testsystem.Object{"file_id": file})
	hash, version := share.HashToken(path.Base(made.Text("url"))), int64(0)
	for _, c := range []struct {
		body string
		want bool
	}{
		{`{"confirm":true}`, true}, {`{"max_downloads":5}`, true}, {`{"confirm":false}`, false}, {`{"confirm":true,"expires_in_days":3}`, true},
		{`{}`, true}, {`{"confirm":null}`, false},
	} {
		changed := r.Must(t, 200, "PATCH", "/shares/"+made.Text("id"), c.body)
		shown := r.Must(t, 200, "GET", "/shares/"+made.Text("id"), nil)
		record := must(r.Store.Record(t.Context(), hash))
		if changed.Body["confirm"] != c.want || shown.Body["confirm"] != c.want || record.Confirm != c.want || record.Version <= version {
			t.Errorf("changed by %s: %s, then %s, record %+v; want confirm %v, and a newer record than %d", c.body, changed.Raw, shown.Raw, record, c.want, version)
		}
		version = record.Version
	}
	for _, bad := range []string{`"true"`, `1`, `"yes"`, `[true]`, `{}`} {
		for what, a := range map[string]*testsystem.Answer{
			"POST":  r.Must(t, 422, "POST", "/shares", fmt.Sprintf(`{"file_id":%q,"confirm":%s}`, file, bad)),
			"PATCH": r.Must(t, 422, "PATCH", "/shares/"+made.Text("id"), `{"confirm":`+bad+`}`),
		} {
			if !strings.HasPrefix(a.Detail(), "confirm: ") {
				t.Errorf("%s with confirm %s: %s; want the field named", what, bad, a.Raw)
			}
		}
	}
}
