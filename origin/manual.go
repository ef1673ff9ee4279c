package origin

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"gopkg.in/yaml.v3"
)

// What people say of the API stands beside the code that does it: a file for
// each group of operations, and refusals.yaml. TestEveryOperationIsDescribed
// tells what a new operation lacks there.
//
//go:embed reference/*.yaml
var referenceFiles embed.FS

// manual is what the document says of one operation and code can't: prose, and
// an example of everything that is sent and answered.
type manual struct {
	Summary    string
	About      string
	Parameters map[string]any // examples by name
	Refusals   []string       // by name, beside those that come with its kind
	Request    any
	Answer     any

	tag string
}

// chapter is one file of manuals.
type chapter struct {
	Tag        string
	Place      int // among the chapters
	About      string
	Operations map[string]*manual
}

// refusal is one way in which requests fail.
type refusal struct {
	Name   string
	Status int
	On     string // the kind of operation that it comes with by itself; "" = only where it is named
	When   string
	Answer any
}

// reference is all of it.
type reference struct {
	chapters []chapter
	manuals  map[string]*manual // by operation id
	refusals []refusal
}

// readReference reads the embedded files.
func readReference() (*reference, error) {
	ref := &reference{manuals: map[string]*manual{}}
	if err := readYAML("reference/refusals.yaml", &ref.refusals); err != nil {
		return nil, err
	}
	files, err := fs.Glob(referenceFiles, "reference/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if name == "reference/refusals.yaml" {
			continue
		}
		var c chapter
		if err := readYAML(name, &c); err != nil {
			return nil, err
		}
		for id, m := range c.Operations {
			if ref.manuals[id] != nil {
				return nil, fmt.Errorf("%s: %s is described twice", name, id)
			}
			m.tag = c.Tag
			ref.manuals[id] = m
		}
		ref.chapters = append(ref.chapters, c)
	}
	slices.SortStableFunc(ref.chapters, func(a, b chapter) int { return a.Place - b.Place })
	return ref, nil
}

func readYAML(name string, into any) error {
	raw, err := referenceFiles.ReadFile(name)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// of returns the refusals of an operation: those of its kinds, and those that
// its manual names.
func (r *reference) of(kinds map[string]bool, named []string) []refusal {
	wanted := map[string]bool{}
	for _, name := range named {
		wanted[name] = true
	}
	var out []refusal
	for _, one := range r.refusals {
		if kinds[one.On] || wanted[one.Name] {
			out = append(out, one)
		}
	}
	return out
}
