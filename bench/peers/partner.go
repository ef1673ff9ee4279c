package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"rawlink/bench/seed"
)

// publishWithin bounds the upload of one object and the wait for its verdict.
const publishWithin = 60 * time.Second

// publishAll uploads the objects and shares them for good, as a partner would.
func publishAll(ctx context.Context, api, keyFile string, objects []*object) error {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return fmt.Errorf("read API key: %w", err)
	}
	p := seed.NewClient(api, strings.TrimSpace(string(key)), func(string, ...any) {})
	defer p.Close()
	var space struct{ ID string }
	if err := p.Call(ctx, "make a space", "POST", "/spaces", map[string]any{"name": "peers"}, &space); err != nil {
		return err
	}
	for _, o := range objects {
		if err := publish(ctx, p, space.ID, o); err != nil {
			return fmt.Errorf("publish %s: %w", o.Name, err)
		}
	}
	return nil
}

func publish(ctx context.Context, p *seed.Client, space string, o *object) error {
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	file, err := os.Open(o.File)
	if err != nil {
		return err
	}
	defer file.Close()
	bytes := seed.Bytes{ReaderAt: file, Size: o.Size, SHA256: o.SHA256}
	id, err := p.Store(ctx, space, o.Name+".bin", bytes, func(string) {})
	if err != nil {
		return err
	}
	link, err := p.Mint(ctx, id, 0)
	if err != nil {
		return err
	}
	o.Target = link.Path
	return nil
}
