package share

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestGate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	tests := []struct {
		name   string
		record Record
		want   Kind
		open   bool
	}{
		{"good", Record{Scan: Clean}, 0, true},
		{"before its end", Record{Scan: Clean, ExpiresAt: now.Unix() + 1}, 0, true},
		{"at its end", Record{Scan: Clean, ExpiresAt: now.Unix()}, Gone, false},
		{"revoked", Record{Scan: Clean, Revoked: true}, Gone, false},
		{"pending", Record{Scan: Pending}, NotReady, false},
		{"infected", Record{Scan: Infected}, NotReady, false},
		{"no verdict at all", Record{}, NotReady, false},
		{"file gone", Record{Scan: Clean, Gone: true}, NotFound, false},
		{"revoked, and its file gone", Record{Scan: Clean, Gone: true, Revoked: true}, NotFound, false},
		{"used up: the ledger's business", Record{Scan: Clean, MaxDownloads: 1, Exhausted: true}, 0, true},
	}
	for _, test := range tests {
		err := test.record.Gate(now)
		if (err == nil) != test.open || err != nil && KindOf(err) != test.want {
			t.Errorf("%s: Gate = %v; want open %v, kind %v", test.name, err, test.open, test.want)
		}
	}
}

func TestRecordSurvivesItsEncoding(t *testing.T) {
	t.Parallel()
	want := Record{Version: 7, ShareID: "s", FileID: "f", TenantID: "t", Permission: Download, ExpiresAt: 9, MaxDownloads: 3, Exhausted: true, Revoked: true,
		PasswordHash: "h", Gone: true, Scan: Infected, Object: Object{Key: "k", Version: "v", Size: 5, SHA256: "d"}, Name: "näme", MIME: "text/plain", Modified: 11}
	for _, want.Confirm = range []bool{false, true} {
		raw, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeRecord(raw)
		if err != nil || got != want {
			t.Errorf("DecodeRecord = %+v, %v; want %+v", got, err, want)
		}
	}
	for name, bad := range map[string]string{"not JSON": "{", "another format": `{"f":3}`, "no format": `{}`} {
		if _, err := DecodeRecord([]byte(bad)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

// TestReadersOfTheFirstFormat: a reader of the version before, which knows nothing of
// Confirm, takes every record but those that it would serve too early.
func TestReadersOfTheFirstFormat(t *testing.T) {
	t.Parallel()
	for confirm, want := range map[bool]int{false: 1, true: 2} {
		raw, err := (&Record{Version: 7, Scan: Clean, Confirm: confirm}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		var written struct {
			Format int `json:"f"`
		}
		if err := json.Unmarshal(raw, &written); err != nil || written.Format != want {
			t.Errorf("confirm %v: %s, %v; want format %d", confirm, raw, err, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	inner := E(NotFound, "look", nil)
	if got := KindOf(fmt.Errorf("outer: %w", inner)); got != NotFound {
		t.Errorf("KindOf(wrapped) = %v; want NotFound", got)
	}
	if got := KindOf(E(Unavailable, "ask", inner)); got != Unavailable {
		t.Errorf("KindOf(reclassified) = %v; want the outermost", got)
	}
	if got := KindOf(errors.New("x")); got != Internal {
		t.Errorf("KindOf(unknown) = %v; want Internal", got)
	}
}
