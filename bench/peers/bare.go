package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// bareCommand makes this program a bare server: bare MANIFEST ADDR.
const bareCommand = "bare"

// Names of the two bare servers: the ceiling, and what the caches stand before.
const (
	nameBare     = "bare fasthttp"
	nameUpstream = "upstream"
)

// countTarget answers with the number of requests for objects so far.
const countTarget = "/count"

// startBare runs this program again, as a bare server.
func startBare(ctx context.Context, dir, name, core string, objects []*object) (*server, error) {
	manifest := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".json")
	if err := writeManifest(manifest, objects); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return startServer(ctx, dir, name, core, addr, countTarget, []string{"GOMAXPROCS=1"}, self, bareCommand, manifest, addr)
}

// prepared is an object in RAM with its headers as they go out.
type prepared struct {
	body, etag      []byte
	contentType     []byte
	ok, notModified [][2][]byte
}

// serveBare serves the manifest's objects from RAM until the process is ended.
// There is no less that a server in Go could do for the same bytes.
func serveBare(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: peers bare MANIFEST ADDR")
	}
	objects, err := readManifest(args[0])
	if err != nil {
		return err
	}
	byTarget := map[string]*prepared{}
	for _, o := range objects {
		if byTarget[o.Target], err = prepare(o); err != nil {
			return err
		}
	}
	ln, err := net.Listen("tcp", args[1])
	if err != nil {
		return fmt.Errorf("serve objects: %w", err)
	}
	var count atomic.Int64
	s := &fasthttp.Server{
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		WriteBufferSize:       32 << 10, // header and 16 KiB leave in one write
		Handler: func(ctx *fasthttp.RequestCtx) {
			if o := byTarget[string(ctx.Request.Header.RequestURI())]; o != nil {
				count.Add(1)
				o.answer(ctx)
				return
			}
			if string(ctx.Path()) == countTarget {
				ctx.SetBodyString(strconv.FormatInt(count.Load(), 10))
				return
			}
			ctx.SetStatusCode(fasthttp.StatusNotFound)
		},
	}
	return s.Serve(ln)
}

func prepare(o *object) (*prepared, error) {
	body, err := os.ReadFile(o.File)
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	return &prepared{
		body: body, etag: []byte(o.Value("Etag")), contentType: []byte(o.Value("Content-Type")),
		ok: lines(o.OK), notModified: lines(o.NotModified),
	}, nil
}

// lines leaves out what fasthttp writes by itself.
func lines(headers []header) [][2][]byte {
	var all [][2][]byte
	for _, h := range headers {
		switch h.Name {
		case "Content-Length", "Content-Type", "Date", "Connection":
		default:
			all = append(all, [2][]byte{[]byte(h.Name), []byte(h.Value)})
		}
	}
	return all
}

func (p *prepared) answer(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	if bytes.Equal(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch), p.etag) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		set(h, p.notModified)
		return
	}
	h.SetContentTypeBytes(p.contentType)
	set(h, p.ok)
	ctx.Response.SetBodyRaw(p.body)
}

func set(h *fasthttp.ResponseHeader, lines [][2][]byte) {
	for _, line := range lines {
		h.SetCanonical(line[0], line[1])
	}
}
