package scan_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

func TestBuiltinHashList(t *testing.T) {
	digest := sha256.Sum256([]byte("listed"))
	s := mustBuiltin(t, " "+strings.ToUpper(hex.EncodeToString(digest[:]))+"\n")
	for content, want := range map[string]share.ScanStatus{
		"listed": share.Infected, "listed ": share.Clean, "": share.Clean,
	} {
		got, err := s.Scan(t.Context(), strings.NewReader(content))
		if err != nil || got.Status != want {
			t.Errorf("Scan(%q) = %+v, %v; want %s", content, got, err, want)
		}
	}
	if !strings.Contains(s.Name(), "not a virus scanner") {
		t.Errorf("Name() = %q; want it to say what it is not", s.Name())
	}
}

// However the content is cut into reads, EICAR is found, and only EICAR.
func TestBuiltinFindsAcrossAnyCut(t *testing.T) {
	eicar, s := testenv.EICAR(), mustBuiltin(t)
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.IntRange(0, 200).Draw(t, "before")
		whole := rapid.Bool().Draw(t, "whole")
		piece := rapid.IntRange(1, 90).Draw(t, "piece")
		body := eicar
		if !whole {
			body = bytes.Replace(eicar, []byte("FILE"), []byte("FiLE"), 1)
		}
		content := append(bytes.Repeat(eicar[:1], before), body...)
		got, err := s.Scan(t.Context(), &pieces{content: content, size: piece})
		if err != nil || (got.Status == share.Infected) != whole {
			t.Fatalf("%d bytes before, reads of %d: %+v, %v; want infected = %v", before, piece, got, err, whole)
		}
	})
}
