package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLicencesArePermissive: a module with a text that isn't known to be permissive,
// or with none, is not taken.
func TestLicencesArePermissive(t *testing.T) {
	root := filepath.Join("..", "..")
	mit, err := os.ReadFile(filepath.Join(root, "internal", "licenses", "testdata", "mit.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string // in the error; "" = none
	}{
		"MIT":            {map[string]string{"LICENSE": string(mit)}, ""},
		"MIT, elsewhere": {map[string]string{"COPYING.md": string(mit)}, ""},
		"none":           {map[string]string{"README.md": string(mit)}, "no licence"},
		"copyleft":       {map[string]string{"LICENSE": "SPDX-License-Identifier: AGPL-3.0\n" + "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007\n"}, "example.com/m"},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := licences(module{Path: "example.com/m", Dir: dir})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
