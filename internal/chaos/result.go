package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Result is what one scenario came to, one line of a result file.
type Result struct {
	Seed     uint64   `json:"seed"`
	Fault    string   `json:"fault"` // the row of the table of guarantees
	Scenario string   `json:"scenario"`
	Seconds  float64  `json:"seconds"`
	Failed   bool     `json:"failed"`
	Notes    []string `json:"notes,omitempty"`
	Verdict
}

// Results writes results down. Safe for concurrent use.
type Results struct {
	Seed uint64
	Path string // of the file; "" = none

	mu sync.Mutex
}

// Add appends a result to the file.
func (r *Results) Add(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	result.Seed = r.Seed
	if r.Path == "" {
		return
	}
	if err := r.append(result); err != nil {
		fmt.Fprintln(os.Stderr, "chaos: results:", err)
	}
}

func (r *Results) append(result Result) error {
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(r.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
