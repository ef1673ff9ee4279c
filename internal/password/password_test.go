package password

import (
	"strings"
	"testing"
)

func TestHashMatchesOnlyItsPassword(t *testing.T) {
	t.Parallel()
	stored := Hash("open sesame")
	if strings.Contains(stored, "sesame") {
		t.Fatalf("the stored form spells the password: %s", stored)
	}
	if again := Hash("open sesame"); again == stored {
		t.Error("two hashes of one password are equal; want a salt")
	}
	tests := []struct {
		name, stored, password string
		want                   bool
	}{
		{"the password", stored, "open sesame", true},
		{"another", stored, "open sesam", false},
		{"empty", stored, "", false},
		{"not a hash", "open sesame", "open sesame", false},
		{"cut off", stored[:len(stored)-8], "open sesame", false},
		{"cheaper parameters", strings.Replace(stored, "t=2", "t=1", 1), "open sesame", false},
		{"nothing stored", "", "", false},
	}
	for _, test := range tests {
		if got := Matches(test.stored, test.password); got != test.want {
			t.Errorf("%s: Matches = %v; want %v", test.name, got, test.want)
		}
	}
}
