package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Place is where a report will be: two files, made before the run, so that a
// folder that can't be written to is found before anything is measured.
type Place struct{ JSON, HTML string }

// Prepare makes the folder and the files.
func Prepare(folder, name string) (Place, error) {
	p := Place{filepath.Join(folder, name+".json"), filepath.Join(folder, name+".html")}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return p, fmt.Errorf("out: %w", err)
	}
	for _, path := range []string{p.JSON, p.HTML} {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return p, fmt.Errorf("out: %w", err)
		}
		if err := file.Close(); err != nil {
			return p, fmt.Errorf("out: %w", err)
		}
	}
	return p, nil
}

// Save writes the report. If a disk is full or gone, it goes to the system's
// temporary folder; where says where it is, and err what was in the way.
func (r *Report) Save(p Place) (where Place, err error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return Place{}, fmt.Errorf("write the report: %w", err)
	}
	var page bytes.Buffer
	if err := WritePage(&page, nil, r); err != nil {
		return Place{}, err
	}
	err = write(p, raw, page.Bytes())
	if err == nil {
		return p, nil
	}
	folder, other := os.MkdirTemp("", "rawlink-bench-")
	if other != nil {
		return Place{}, errors.Join(err, other)
	}
	spare := Place{filepath.Join(folder, filepath.Base(p.JSON)), filepath.Join(folder, filepath.Base(p.HTML))}
	if other := write(spare, raw, page.Bytes()); other != nil {
		return Place{}, errors.Join(err, other)
	}
	return spare, err
}

func write(p Place, raw, page []byte) error {
	err := errors.Join(os.WriteFile(p.JSON, raw, 0o644), os.WriteFile(p.HTML, page, 0o644))
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Discard removes files of Prepare that nothing was written to.
func (p Place) Discard() {
	for _, path := range []string{p.JSON, p.HTML} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
			_ = os.Remove(path)
		}
	}
}

// Load reads a report's JSON.
func Load(path string) (*Report, error) {
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such file", path)
	case err != nil:
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(raw, r); err != nil || r.Format == 0 {
		return nil, fmt.Errorf("%s is not a report of bench run", path)
	}
	if r.Format != format {
		return nil, fmt.Errorf("%s is of format %d; this program reads %d", path, r.Format, format)
	}
	return r, nil
}
