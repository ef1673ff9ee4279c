package seed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"
)

// Field is everything that a run has put into a deployment, and how to take it
// away. Safe for concurrent use.
type Field struct {
	Client *Client
	space  string

	mu    sync.Mutex
	files []string // to remove
}

// SpacePrefix begins the names of the spaces that runs work in.
const SpacePrefix = "rawlink bench "

// Needs is what a run wants of the tenant's quota.
type Needs struct {
	Files int
	Bytes int64
	Links int
}

// Open checks that the key works and that the quota has room, and makes a space
// for the run.
func Open(ctx context.Context, c *Client, n Needs) (*Field, error) {
	if err := c.room(ctx, n); err != nil {
		return nil, err
	}
	var made struct{ ID string }
	name := SpacePrefix + time.Now().UTC().Format("2006-01-02 15:04:05.000")
	if err := c.Call(ctx, "make a space", "POST", "/spaces", map[string]string{"name": name}, &made); err != nil {
		return nil, err
	}
	if made.ID == "" {
		return nil, fmt.Errorf("make a space: %s does not answer as an origin does: the space has no id", c.api)
	}
	return &Field{Client: c, space: made.ID}, nil
}

// room compares the quota with what is needed, before anything is made.
func (c *Client) room(ctx context.Context, n Needs) error {
	var q struct {
		BytesUsed  *int64 `json:"bytes_used"`
		BytesLimit int64  `json:"bytes_limit"`
		LinksUsed  int64  `json:"links_used"`
		LinksLimit int64  `json:"links_limit"`
	}
	if err := c.Call(ctx, "read the quota", "GET", "/quota", nil, &q); err != nil {
		if StatusOf(err) == http.StatusForbidden {
			return nil // a key that may not look; the uploads will tell
		}
		return err
	}
	if q.BytesUsed == nil {
		return fmt.Errorf("read the quota: %s does not answer as an origin does", c.api)
	}
	var problems []error
	if free := q.BytesLimit - *q.BytesUsed; q.BytesLimit >= 0 && free < n.Bytes {
		problems = append(problems, fmt.Errorf("quota: the run stores %s and the tenant has %s left; raise its bytes limit, or ask for fewer or smaller objects",
			humanize.IBytes(uint64(n.Bytes)), humanize.IBytes(uint64(max(0, free)))))
	}
	if free := q.LinksLimit - q.LinksUsed; q.LinksLimit >= 0 && free < int64(n.Links) {
		problems = append(problems, fmt.Errorf("quota: the run mints %d links and the tenant has %d left; raise its links limit, or ask for fewer", n.Links, max(0, free)))
	}
	return errors.Join(problems...)
}

// uploadsAtOnce keeps a small origin's scanner fed without being in its way.
const uploadsAtOnce = 4

// Sow uploads files of these sizes and mints links to each: perFile of them, with
// this cap. Links come in the order of the sizes. told is called after each file.
func (f *Field) Sow(ctx context.Context, sizes []int64, perFile int, most int64, told func(done, of int)) ([]*Link, error) {
	links := make([]*Link, len(sizes)*perFile)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploadsAtOnce)
	var mu sync.Mutex
	done := 0
	begun := uint64(time.Now().UnixNano())
	for i, size := range sizes {
		group.Go(func() error {
			name := fmt.Sprintf("bench-%06d.bin", i)
			o, err := f.Client.Upload(ctx, f.space, name, Content{Seed: begun + uint64(i), Size: size}, f.note)
			for k := 0; err == nil && k < perFile; k++ {
				links[i*perFile+k], err = f.Client.Share(ctx, o, most)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			told(done, len(sizes))
			return err
		})
	}
	return links, group.Wait()
}

// Space is the id of the run's space.
func (f *Field) Space() string { return f.space }

// note has a file removed at the end.
func (f *Field) note(fileID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files = append(f.files, fileID)
}

// Clear removes everything: links end with their files, bytes and quota come back.
func (f *Field) Clear(ctx context.Context) error {
	f.mu.Lock()
	files := f.files
	f.files = nil
	f.mu.Unlock()
	return f.Client.remove(ctx, f.space, files)
}

func (c *Client) remove(ctx context.Context, space string, files []string) error {
	group := errgroup.Group{}
	group.SetLimit(uploadsAtOnce)
	for _, id := range files {
		group.Go(func() error {
			err := c.Call(ctx, "remove a file", "DELETE", "/gdpr/files/"+id, nil, nil)
			if StatusOf(err) == http.StatusNotFound { // never completed: only the reservation is there
				err = c.Call(ctx, "give up an upload", "POST", "/uploads/abort", map[string]string{"file_id": id}, nil)
			}
			if StatusOf(err) == http.StatusNotFound {
				return nil
			}
			return err
		})
	}
	err := group.Wait()
	if gone := c.Call(ctx, "remove the space", "DELETE", "/spaces/"+space+"?recursive=true", nil, nil); StatusOf(gone) != http.StatusNotFound {
		err = errors.Join(err, gone)
	}
	return err
}
