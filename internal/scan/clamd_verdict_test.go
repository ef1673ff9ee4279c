package scan

import (
	"testing"

	"rawlink/internal/share"
)

func TestParseVerdict(t *testing.T) {
	tests := []struct {
		reply string
		want  Verdict
		kind  share.Kind // of the error; used if want is zero
	}{
		{"stream: OK", clean, 0},
		{"stream: Win.Test.EICAR_HDB-1 FOUND", infected("Win.Test.EICAR_HDB-1"), 0},
		{"stream: Two words FOUND", infected("Two words"), 0},
		{"stream: bell\a FOUND", infected("bell?"), 0},
		{"stream: Heuristics.Encrypted.Zip FOUND", infected("Heuristics.Encrypted.Zip"), 0},
		{"stream: Heuristics.Limits.Exceeded FOUND", Verdict{}, share.Invalid},
		{"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND", Verdict{}, share.Invalid},
		{"INSTREAM size limit exceeded. ERROR", Verdict{}, share.Invalid},
		{"stream: Can't read file ERROR", Verdict{}, share.Unavailable},
		{"stream: FOUND", Verdict{}, share.Unavailable},
		{"OK", Verdict{}, share.Unavailable},
		{"", Verdict{}, share.Unavailable},
	}
	for _, tt := range tests {
		got, err := parseVerdict(tt.reply)
		if got != tt.want || (err == nil) != (tt.want != Verdict{}) || err != nil && share.KindOf(err) != tt.kind {
			t.Errorf("parseVerdict(%q) = %+v, %v; want %+v, kind %d", tt.reply, got, err, tt.want, tt.kind)
		}
	}
}

func FuzzParseVerdict(f *testing.F) {
	for _, seed := range []string{"stream: OK", "stream: X FOUND", "stream: OK FOUND", "INSTREAM size limit exceeded. ERROR"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		got, err := parseVerdict(reply)
		if got.Status == share.Clean && reply != "stream: OK" {
			t.Errorf("%q is clean", reply)
		}
		if (err == nil) == (got == Verdict{}) {
			t.Errorf("%q: %+v, %v; want a verdict or an error", reply, got, err)
		}
		if got.Signature != printable(got.Signature) {
			t.Errorf("%q: signature %q is not fit to show", reply, got.Signature)
		}
	})
}
