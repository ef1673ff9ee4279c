package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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
}{{"1KiB", 1 << 10}, {"16KiB", 16 << 10}, {"1MiB", 1 << 20}, {large, 1 << 30}}

// large is the object that only servers of files are asked for: it would have to
// be in RAM at the others.
const large = "1GiB"

// makeObjects writes random files, the large one last.
func makeObjects(dir string) ([]*object, error) {
	var all []*object
	for _, s := range sizes {
		o, err := makeObject(dir, s.name, s.size)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func makeObject(dir, name string, size int64) (*object, error) {
	o := &object{Name: name, Size: size, File: filepath.Join(dir, name+".bin")}
	file, err := os.OpenFile(o.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make objects: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(file, sum), rand.Reader, size); err != nil {
		return nil, fmt.Errorf("make objects: %w", err)
	}
	o.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return o, file.Close()
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
