// Command licenses lists the modules that the programs are made of, with their
// licences, as docs/licenses.md has them. It recognises licences by their text, and
// fails for one that isn't known to be permissive. With -check it changes nothing and
// fails if the page is out of date.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

const page = "docs/licenses.md"

// permissive are the licences that the programs may contain.
var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT", "Unlicense", "Zlib"}

// module is what `go list` says of one.
type module struct {
	Path, Version, Dir string
	Main               bool
}

func main() {
	check := flag.Bool("check", false, "change nothing; fail if the page is out of date")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	modules, err := contents()
	if err != nil {
		return err
	}
	text, err := render(modules)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(page, text, 0o644) //nolint:gosec // a page for everybody
	}
	if have, _ := os.ReadFile(page); !bytes.Equal(have, text) {
		return errors.New(page + " is out of date: run `make licenses`")
	}
	return nil
}

// contents lists the modules that are linked into any of the programs.
func contents() ([]module, error) {
	list := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/...")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	seen := map[string]module{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct{ Module *module }
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if pkg.Module != nil && !pkg.Module.Main {
			seen[pkg.Module.Path] = *pkg.Module
		}
	}
	all := make([]module, 0, len(seen))
	for _, m := range seen {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

func render(modules []module) ([]byte, error) {
	var page bytes.Buffer
	page.WriteString("# Licences of the dependencies\n\n" +
		"What the programs are built from beside Go's standard library (BSD-3-Clause). Made by\n" +
		"`make licenses` from the texts that come with the modules; `make lint` checks it, and\n" +
		"that each is permissive.\n\n" +
		"| Module | Version | Licence |\n|---|---|---|\n")
	var problems []error
	for _, m := range modules {
		found, err := licences(m)
		problems = append(problems, err)
		fmt.Fprintf(&page, "| %s | %s | %s |\n", m.Path, m.Version, strings.Join(found, ", "))
	}
	return page.Bytes(), errors.Join(problems...)
}

// licences recognises the texts at the top of a module.
func licences(m module) (found []string, err error) {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: run `go mod download`", m.Path, err)
	}
	for _, entry := range entries {
		name := strings.ToUpper(entry.Name())
		if strings.Contains(name, "3RD-PARTY") {
			continue // also of what is in the module's tests, and not in a program
		}
		if entry.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		for _, match := range licensecheck.Scan(text).Match {
			if !slices.Contains(found, match.ID) {
				found = append(found, match.ID)
			}
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no licence that is recognised", m.Path)
	}
	for _, id := range found {
		if !slices.Contains(permissive, id) {
			err = errors.Join(err, fmt.Errorf("%s: %s is not known to be permissive", m.Path, id))
		}
	}
	return found, err
}
