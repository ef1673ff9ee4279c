package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// object is a file that all servers serve, under the same request target.
type object struct {
	Name   string // 1KiB
	Size   int64
	File   string // on disk
	SHA256 string // hex
	Target string // /s/<token>: secret, kept to the run's own folder
	// The edge's own answers, which the others are made to imitate.
	OK          []header // of 200
	NotModified []header // of 304
}

// header is one line of an answer.
type header struct{ Name, Value string }

var sizes = []struct {
	name string
	size int64
}{{"1KiB", 1 << 10}, {"16KiB", 16 << 10}, {"1MiB", 1 << 20}, {"100MiB", 100 << 20}}

// makeObjects writes random files.
func makeObjects(dir string) ([]*object, error) {
	var all []*object
	for _, s := range sizes {
		content := make([]byte, s.size)
		_, _ = rand.Read(content) // never fails, see crypto/rand
		sum := sha256.Sum256(content)
		o := &object{Name: s.name, Size: s.size, File: filepath.Join(dir, s.name+".bin"), SHA256: hex.EncodeToString(sum[:])}
		if err := os.WriteFile(o.File, content, 0o644); err != nil {
			return nil, fmt.Errorf("make objects: %w", err)
		}
		all = append(all, o)
	}
	return all, nil
}

// Value returns a header's value in the edge's answer, or "".
func (o *object) Value(name string) string {
	for _, h := range o.OK {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// writeManifest keeps the objects where a bare server can read them.
func writeManifest(file string, objects []*object) error {
	text, err := json.Marshal(objects)
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return os.WriteFile(file, text, 0o600)
}

func readManifest(file string) ([]*object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var objects []*object
	if err := json.Unmarshal(text, &objects); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	return objects, nil
}
