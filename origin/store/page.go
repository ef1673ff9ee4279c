package store

import "strconv"

// Cursor is a place in a list: behind the thing with this age and id.
type Cursor struct {
	CreatedAt int64
	ID        string
}

// Page is a part of a list. The zero value is all of it.
type Page struct {
	After *Cursor // nil: from the start
	Limit int     // 0: to the end
}

// of ends a query, which has a condition and these arguments already, so that it
// reads the page, oldest first.
func (p Page) of(query string, args []any) (string, []any) {
	place := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	if p.After != nil {
		query += ` AND (created_at, id) > (` + place(p.After.CreatedAt) + `, ` + place(p.After.ID) + `)`
	}
	query += ` ORDER BY created_at, id`
	if p.Limit > 0 {
		query += ` LIMIT ` + place(p.Limit)
	}
	return query, args
}
