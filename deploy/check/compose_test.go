//go:build deploycheck

package check

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

// composed is the compose file as Docker Compose itself resolves it.
type composed struct {
	Services map[string]*service
	Secrets  map[string]struct{ File string }
}

type service struct {
	Name        string `json:"-"`
	Command     []string
	Environment map[string]string
	Build       *struct{ Target string }
	Secrets     []struct{ Source, Target string }
	Networks    map[string]*struct {
		Aliases []string
		Address string `json:"ipv4_address"`
	}
}

func compose(t *testing.T) *composed {
	t.Helper()
	out, err := exec.Command("docker-compose", "-f", "../compose/compose.yaml", "--profile", "*", "config", "--format", "json").Output()
	if err != nil {
		t.Fatalf("docker-compose config: %v", err)
	}
	c := &composed{}
	if err := json.Unmarshal(out, c); err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		s.Name = name
	}
	return c
}

// image is what a stage of the Dockerfile leaves: as far as it says how to run.
type image struct {
	env        []string
	volumes    []string
	entrypoint []string
	health     []string // the check's command; nil = none
	user       string
}

// stage reads a stage of the Dockerfile and those that it is made from.
func stage(t *testing.T, name string) image {
	t.Helper()
	text := strings.ReplaceAll(read(t, "../docker/Dockerfile"), "\\\n", " ")
	stages, froms, current := map[string]*image{"scratch": {}}, map[string]string{}, ""
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if word == "FROM" {
			fields := strings.Fields(rest)
			current = fields[len(fields)-1]
			froms[current] = fields[len(fields)-3]
			stages[current] = &image{}
			if base := stages[froms[current]]; base != nil {
				*stages[current] = *base
			}
			continue
		}
		s := stages[current]
		switch word {
		case "USER":
			s.user = rest
		case "ENV":
			s.env = append(slices.Clone(s.env), strings.Fields(rest)...)
		case "VOLUME":
			list(t, rest, &s.volumes)
		case "ENTRYPOINT":
			list(t, rest, &s.entrypoint)
		case "HEALTHCHECK":
			if _, cmd, found := strings.Cut(rest, "CMD "); found {
				list(t, cmd, &s.health)
			}
		}
	}
	if stages[name] == nil || froms[name] != "base" || froms["base"] != "scratch" {
		t.Fatalf("the Dockerfile has no stage %s on an empty file system", name)
	}
	return *stages[name]
}

func list(t *testing.T, text string, into *[]string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("the Dockerfile says %s: not a list, so it needs a shell", text)
	}
}

// unpack lays an image's file system out in a folder: a program, the authorities,
// the secrets, and nothing else. Nothing in it belongs to the image's user but its
// volumes.
func (img *image) unpack(t *testing.T, root, secrets, hosts string, s *service) {
	t.Helper()
	program := filepath.Base(img.entrypoint[0])
	binary := testsystem.Binary(t, program)
	isStatic(t, binary)
	put(t, binary, filepath.Join(root, program), 0o755)
	put(t, "/etc/ssl/certs/ca-certificates.crt", filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"), 0o644)
	put(t, hosts, filepath.Join(root, "etc/hosts"), 0o644)
	for _, secret := range s.Secrets {
		put(t, filepath.Join(secrets, secret.Source), filepath.Join(root, secret.Target), 0o444)
	}
	for _, volume := range img.volumes {
		path := filepath.Join(root, volume)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
}

// isStatic checks that a program needs no other file to run: an image has none.
func isStatic(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Fatalf("%s is not static", path)
		}
	}
}

// nobody is the images' user.
const nobody = 65532

func put(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, mode); err != nil {
		t.Fatal(err)
	}
}
