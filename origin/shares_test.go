package origin

import (
	"testing"

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
