package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"text/template"
)

// Names of nginx's two roles.
const (
	nameProxy  = "nginx proxy_cache"
	nameStatic = "nginx static"
)

//go:embed templates
var templates embed.FS

// site is what the configurations of nginx and Varnish are made from.
type site struct {
	Dir, Addr, User string
	Upstream        string // host:port
	Slice           string // size, of a cache of slices
	Objects         []*object
}

// startNginx starts nginx with one of the templates.
func startNginx(ctx context.Context, dir, name string, upstream *server, objects []*object) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	form := strings.ReplaceAll(name, " ", "-") + ".conf"
	home := filepath.Join(dir, form+".d")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s := site{Dir: home, Addr: addr, User: me.Username, Upstream: hostPort(upstream), Objects: objects}
	config := filepath.Join(home, form)
	if err := render(config, form, s); err != nil {
		return nil, err
	}
	return startServer(ctx, dir, name, serverCore, addr, objects[0].Target, nil,
		"nginx", "-p", home, "-c", config, "-e", filepath.Join(home, "error.log"))
}

// startServer starts a program and waits until it answers the target.
func startServer(ctx context.Context, dir, name, core, addr, target string, env []string, argv ...string) (*server, error) {
	proc, err := start(dir, name, core, env, argv...)
	if err != nil {
		return nil, err
	}
	s := &server{name: name, base: "http://" + addr, proc: proc}
	if err := proc.ready(ctx, s.base+target); err != nil {
		proc.stop()
		return nil, err
	}
	return s, nil
}

func hostPort(s *server) string { return strings.TrimPrefix(s.base, "http://") }

// render writes a configuration file from its template.
func render(file, form string, data any) error {
	funcs := template.FuncMap{"quote": quote, "own": own}
	t, err := template.New(form+".tmpl").Funcs(funcs).ParseFS(templates, "templates/"+form+".tmpl")
	if err != nil {
		return fmt.Errorf("render %s: %w", form, err)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("render %s: %w", form, err)
	}
	defer out.Close()
	if err := t.Execute(out, data); err != nil {
		return fmt.Errorf("render %s: %w", form, err)
	}
	return nil
}

// quote makes a string of nginx's configuration; a variable can't be in one.
func quote(text string) (string, error) {
	if strings.Contains(text, "$") {
		return "", fmt.Errorf("header value with a $: nginx can't be told it")
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`, nil
}

// own leaves the headers that a server of plain files has to be told: not those
// it makes itself.
func own(headers []header) []header {
	var told []header
	for _, h := range headers {
		switch h.Name {
		case "Content-Length", "Content-Type", "Date", "Connection", "Last-Modified", "Etag", "Accept-Ranges", "X-Request-Id":
		default:
			told = append(told, h)
		}
	}
	return told
}

// startSlicing starts nginx with an empty cache of slices before the lab's store.
func (l *lab) startSlicing(ctx context.Context, name, slice string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	home, err := l.home("nginx")
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s := site{Dir: home, Addr: addr, User: me.Username, Upstream: hostPort(l.store), Slice: slice}
	config := filepath.Join(home, "nginx.conf")
	if err := render(config, "nginx-slice.conf", s); err != nil {
		return nil, err
	}
	proc, err := start(home, strings.ReplaceAll(name, " ", "-"), serverCore, nil,
		"nginx", "-p", home, "-c", config, "-e", filepath.Join(home, "error.log"))
	if err != nil {
		return nil, err
	}
	if err := proc.listens(ctx, addr); err != nil {
		proc.stop()
		return nil, err
	}
	return &server{name: name, base: "http://" + addr, proc: proc}, nil
}
