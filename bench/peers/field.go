package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// field is everything that runs side by side.
type field struct {
	servers  []*server // the edge first, then its peers
	upstream *server
	ops      string // the edge's ops listener
	objects  []*object
	reached  string // the upstream's count when all caches were warm
}

// setUp makes the objects, starts all servers and sees that they answer alike.
// The caller closes what it returns.
func setUp(ctx context.Context, o *options, dir string, progress io.Writer) (_ *field, err error) {
	f := &field{}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.objects, err = makeObjects(dir); err != nil {
		return nil, err
	}
	fmt.Fprintln(progress, "starting the edge, uploading and sharing")
	edge, ops, err := startEdge(ctx, o, dir, f.objects)
	if err != nil {
		return nil, err
	}
	f.servers, f.ops = append(f.servers, edge), ops
	fmt.Fprintln(progress, "starting its peers")
	if f.upstream, err = startBare(ctx, dir, nameUpstream, anyCore, f.objects); err != nil {
		return nil, err
	}
	inRAM := f.objects[:len(f.objects)-1] // all but the large one
	for _, start := range []func() (*server, error){
		func() (*server, error) { return startNginx(ctx, dir, nameProxy, f.upstream, f.objects) },
		func() (*server, error) { return startNginx(ctx, dir, nameStatic, f.upstream, f.objects) },
		func() (*server, error) { return startVarnish(ctx, dir, f.upstream, inRAM) },
		func() (*server, error) { return startBare(ctx, dir, nameBare, serverCore, inRAM) },
	} {
		s, err := start()
		if err != nil {
			return nil, err
		}
		f.servers = append(f.servers, s)
	}
	for _, s := range f.servers {
		objects := f.objects
		if s.name == nameVarnish || s.name == nameBare {
			objects = inRAM
		}
		if err := s.verify(ctx, objects); err != nil {
			return nil, err
		}
	}
	f.reached, err = f.upstreamCount(ctx)
	return f, err
}

func (f *field) upstreamCount(ctx context.Context) (string, error) {
	resp, err := get(ctx, f.upstream.base+countTarget)
	if err != nil {
		return "", fmt.Errorf("ask upstream: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// object returns what a case asks for.
func (f *field) object(c scenario) *object {
	return f.objects[slices.IndexFunc(f.objects, func(o *object) bool { return o.Name == c.object })]
}

// stillCached fails if a cache has asked the upstream since it was warmed.
func (f *field) stillCached(ctx context.Context) error {
	now, err := f.upstreamCount(ctx)
	if err == nil && now != f.reached {
		err = fmt.Errorf("%w: a warm cache asked the upstream (%s requests, %s when warm)", errVoid, now, f.reached)
	}
	return err
}

// close ends all servers.
func (f *field) close() {
	all := f.servers
	if f.upstream != nil {
		all = append(all, f.upstream)
	}
	for _, s := range all {
		s.proc.stop()
	}
}
