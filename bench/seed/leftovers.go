package seed

import (
	"context"
	"errors"
	"strings"
)

// Sweep removes what runs left that could not clean up after themselves, such as
// one that was killed. It returns how many spaces and files it removed.
func (c *Client) Sweep(ctx context.Context) (spaces, files int, err error) {
	var all []struct{ ID, Name string }
	if err := c.Call(ctx, "list the spaces", "GET", "/spaces", nil, &all); err != nil {
		return 0, 0, err
	}
	for _, space := range all {
		if !strings.HasPrefix(space.Name, SpacePrefix) {
			continue
		}
		var ids []string
		for _, trashed := range []string{"false", "true"} {
			var some []struct{ ID string }
			if e := c.Call(ctx, "list the files", "GET", "/files?space_id="+space.ID+"&trashed="+trashed, nil, &some); e != nil {
				return spaces, files, errors.Join(err, e)
			}
			for _, file := range some {
				ids = append(ids, file.ID)
			}
		}
		if e := c.remove(ctx, space.ID, ids); e != nil {
			err = errors.Join(err, e)
			continue
		}
		spaces, files = spaces+1, files+len(ids)
	}
	return spaces, files, err
}
