package origin

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/origin/store"
)

// Page is the part of a list's input that says which page of it; without limit a
// list is complete. Exported because huma looks into no other embedded struct.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"At most so many; the Link header then leads to the next page. Absent: all."`
	Cursor string `query:"cursor" doc:"Where the page begins, from the Link header of the one before."`

	url   url.URL
	after *store.Cursor
}

// Resolve reads the cursor, while huma reads the rest of the input.
func (p *Page) Resolve(ctx huma.Context) []error {
	p.url = ctx.URL()
	if p.Cursor == "" {
		return nil
	}
	after, err := parseCursor(p.Cursor)
	if err != nil {
		return []error{&huma.ErrorDetail{Location: "query.cursor", Message: "is not one that a Link header gave"}}
	}
	p.after = &after
	return nil
}

// wanted is the page with one more: whether there is one decides on the link.
func (p *Page) wanted() store.Page {
	if p.Limit == 0 {
		return store.Page{After: p.after}
	}
	return store.Page{After: p.after, Limit: p.Limit + 1}
}

// list is the answer of a list.
type list[T any] struct {
	Link string `header:"Link" doc:"Leads to the next page, rel=\"next\"; absent with the last one."`
	Body []T
}

// paged makes the answer of what was wanted. place says where a row is.
func paged[A, B any](p *Page, rows []A, place func(A) store.Cursor, turn func(A) B) *list[B] {
	out := &list[B]{}
	if p.Limit > 0 && len(rows) > p.Limit {
		rows = rows[:p.Limit]
		out.Link = p.next(place(rows[len(rows)-1]))
	}
	out.Body = each(rows, turn)
	return out
}

// next is the same request from another place on, relative to the API's host:
// which name clients know it by is a proxy's business.
func (p *Page) next(after store.Cursor) string {
	query := p.url.Query()
	query.Set("cursor", cursorText(after))
	target := url.URL{Path: p.url.Path, RawQuery: query.Encode()}
	return "<" + target.String() + `>; rel="next"`
}

func cursorText(c store.Cursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.CreatedAt, 10) + " " + c.ID))
}

func parseCursor(text string) (c store.Cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, err
	}
	at, id, ok := strings.Cut(string(raw), " ")
	if c.CreatedAt, err = strconv.ParseInt(at, 10, 64); err != nil {
		return c, err
	}
	if c.ID, err = parseID(id, "row"); !ok || err != nil {
		return c, errors.New("no row's id")
	}
	return c, nil
}
