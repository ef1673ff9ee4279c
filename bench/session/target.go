package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/wire"
)

// reach sees whether every edge takes connections, before anything is seeded.
func (s *Session) reach(ctx context.Context) error {
	for _, edge := range s.env.Edges {
		conn, err := wire.Dial(ctx, edge, s.config.Timeout)
		if err != nil {
			return unreachable(edge, err)
		}
		conn.Close()
	}
	return nil
}

func unreachable(edge wire.Target, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the rest repeats the address
	}
	return fmt.Errorf("edge %s can't be reached: %w", edge.Base, err)
}

const (
	canarySize   = 1 << 10
	canaryWithin = 10 * time.Second // for a new link to be known at every edge
)

// canary seeds one small file and fetches it from every edge, so that a target
// that is no edge, or not one of this origin's, is found before the real seeding.
func (s *Session) canary(ctx context.Context) error {
	links, err := s.env.Field.Sow(ctx, []int64{canarySize}, 1, 0, func(int, int) {})
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	for _, edge := range s.env.Edges {
		end := time.Now().Add(canaryWithin)
		for {
			err := s.fetch(ctx, edge, links[0])
			if err == nil {
				break
			}
			if ctx.Err() != nil || time.Now().After(end) || errors.Is(err, wire.ErrNotHTTP) || errors.Is(err, judge.ErrVoid) {
				return fmt.Errorf("edge %s: a file just uploaded: %w", edge.Base, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// fetch gets a link's bytes and judges them.
func (s *Session) fetch(ctx context.Context, edge wire.Target, link *seed.Link) error {
	conn, err := wire.Dial(ctx, edge, s.config.Timeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Send(edge.Request("GET", link.Path)); err != nil {
		return err
	}
	a, err := conn.Read(false)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it closes the connection without an answer")
		}
		return err
	}
	if a.Status != 200 {
		return fmt.Errorf("it answers %d: is it an edge of this origin?", a.Status)
	}
	book, eye := judge.NewBook(), judge.NewEye()
	book.CheckHeaders(a, link)
	book.CheckLength(a, link, judge.Span{}, true)
	eye.Begin(link.Object, 0, true)
	if err := conn.Body(a, func(p []byte) error { eye.See(p); return nil }); err != nil {
		return err
	}
	if err := eye.End(); err != nil {
		book.Break(judge.Body, "share %s: %v", link.ID, err)
	}
	return book.Err()
}
