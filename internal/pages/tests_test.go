package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	named    = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)\(`)
	asvs     = regexp.MustCompile(`^\| V[0-9]+\.[0-9]+[ ,]`)
)

// TestNamedTestsExist: pages that name tests as proof name tests that are there, and
// the table of ASVS has one in every row.
func TestNamedTestsExist(t *testing.T) {
	known := declaredTests(t)
	for _, page := range []string{"docs/security.md", "docs/operating.md", "docs/guarantees.md", "ARCHITECTURE.md", "README.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", page))
		if err != nil {
			t.Error(err)
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			found := named.FindAllStringSubmatch(line, -1)
			for _, match := range found {
				if !known[match[1]] {
					t.Errorf("%s:%d: there is no test %s", page, i+1, match[1])
				}
			}
			if asvs.MatchString(line) && len(found) == 0 {
				t.Errorf("%s:%d: no test holds this", page, i+1)
			}
		}
	}
}

// declaredTests reads the names of all tests from the sources.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := entry.Name(); {
		case entry.IsDir() && (name == "node_modules" || name == "bin" || name == ".git" || name == "data"):
			return filepath.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range declared.FindAllSubmatch(text, -1) {
			known[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !known["TestNamedTestsExist"] {
		t.Fatal("this test was not found: nothing was read")
	}
	return known
}
