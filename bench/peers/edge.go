package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// server is one of the programs that are compared.
type server struct {
	name  string
	base  string // http://127.0.0.1:port
	proc  *process
	etags map[string]string // by object, as this server sends them
}

const nameEdge = "edge"

// startEdge starts the whole of Rawlink in one process, and publishes the
// objects through it. ops is the base of its ops listener.
func startEdge(ctx context.Context, o *options, dir string, objects []*object) (s *server, ops string, err error) {
	var addrs [3]string
	for i := range addrs {
		if addrs[i], err = freeAddr(); err != nil {
			return nil, "", err
		}
	}
	data := filepath.Join(dir, "data")
	proc, err := start(dir, nameEdge, serverCore, append(withoutSettings(), "GOMAXPROCS=1"), o.rawlink, "up",
		"--data", data, "--edge-cache-dir", filepath.Join(dir, "slices"), "--log-level", o.edgeLog, "--upload-multipart-from", "2GiB",
		"--api-addr", addrs[0], "--files-addr", addrs[1], "--ops-addr", addrs[2])
	if err != nil {
		return nil, "", err
	}
	s = &server{name: nameEdge, base: "http://" + addrs[1], proc: proc}
	ops = "http://" + addrs[2]
	if err = proc.ready(ctx, ops+"/readyz"); err == nil {
		err = publishAll(ctx, "http://"+addrs[0], filepath.Join(data, "api-key"), objects)
	}
	if err == nil {
		err = learnHeaders(ctx, s.base, objects)
	}
	if err != nil {
		proc.stop()
		return nil, "", err
	}
	return s, ops, nil
}

// withoutSettings blanks what the caller's environment would tell Rawlink.
func withoutSettings() []string {
	var blank []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "RAWLINK_") {
			blank = append(blank, name+"=")
		}
	}
	return blank
}

// learnHeaders notes how the edge answers, so that the others can do alike.
func learnHeaders(ctx context.Context, base string, objects []*object) error {
	for _, o := range objects {
		ok, err := fetch(ctx, base+o.Target, "")
		if err != nil {
			return fmt.Errorf("learn headers of %s: %w", o.Name, err)
		}
		o.OK = ok.headers
		again, err := fetch(ctx, base+o.Target, o.Value("Etag"))
		if err != nil {
			return fmt.Errorf("learn headers of %s: %w", o.Name, err)
		}
		if ok.status != http.StatusOK || again.status != http.StatusNotModified {
			return fmt.Errorf("learn headers of %s: edge answered %d, then %d", o.Name, ok.status, again.status)
		}
		o.NotModified = again.headers
	}
	return nil
}
