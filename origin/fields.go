package origin

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"rawlink/origin/store"
)

// stamp renders a stored time as the API does: ISO-8601, UTC, whole seconds.
func stamp(micros int64) string { return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05Z") }

func stampOrNull(micros *int64) *string {
	if micros == nil {
		return nil
	}
	text := stamp(*micros)
	return &text
}

// change is a field of a PATCH that may be absent (keep), null (none), or a
// value; JSON alone does not tell the first two apart.
type change[T any] struct {
	set   bool
	value *T
}

// UnmarshalJSON is called only if the field is there.
func (c *change[T]) UnmarshalJSON(raw []byte) error {
	c.set = true
	return decodeStrictly(raw, &c.value)
}

// Schema tells the API document, and the validation, what the field accepts.
func (change[T]) Schema(r huma.Registry) *huma.Schema {
	schema := *r.Schema(reflect.TypeFor[T](), true, "")
	schema.Nullable = true
	return &schema
}

// placement returns where a PATCH moves things: into a folder, or for null to the
// space's root. An id that can't be one is an unknown folder.
func placement(to change[string], what string) (store.Placement, error) {
	id, err := optionalID(to.value, what)
	return store.Placement{Set: to.set, ID: id}, err
}

// parseID returns an id in its canonical spelling. What is no UUID names nothing,
// so it is answered as an unknown id is.
func parseID(text, what string) (string, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return "", reject(404, what+" not found")
	}
	return id.String(), nil
}

// optionalID is parseID for a field that may be null, absent or empty.
func optionalID(text *string, what string) (*string, error) {
	if text == nil || *text == "" {
		return nil, nil
	}
	id, err := parseID(*text, what)
	return &id, err
}

// The longest texts accepted, in characters.
const (
	maxSpaceName = 200
	maxName      = 255
	maxText      = 1024
)

// checkText accepts a text that a database, a header and a log can carry.
func checkText(field, text string, most int) error {
	switch {
	case !utf8.ValidString(text):
		return invalid(field, "is not valid UTF-8")
	case strings.TrimSpace(text) == "":
		return invalid(field, "must not be empty")
	case utf8.RuneCountInString(text) > most:
		return invalid(field, "is longer than "+strconv.Itoa(most)+" characters")
	case strings.ContainsFunc(text, unicode.IsControl):
		return invalid(field, "must not contain control characters")
	}
	return nil
}

// checkName accepts the name of a folder or file: one path element.
func checkName(field, name string) error {
	if err := checkText(field, name, maxName); err != nil {
		return err
	}
	if strings.ContainsAny(name, `/\`) {
		return invalid(field, "must not contain a path separator")
	}
	if name == "." || name == ".." {
		return invalid(field, "must not be . or ..")
	}
	return nil
}

// checkOptional is checkText for a field that may be null or absent.
func checkOptional(field string, text *string, most int) error {
	if text == nil {
		return nil
	}
	return checkText(field, *text, most)
}

// checkSHA256 accepts null or 64 hex digits and returns them in lower case.
func checkSHA256(field string, digest *string) (*string, error) {
	if digest == nil || *digest == "" {
		return nil, nil
	}
	lower := strings.ToLower(*digest)
	if len(lower) != 64 || strings.Trim(lower, "0123456789abcdef") != "" {
		return nil, invalid(field, "must be 64 hex digits")
	}
	return &lower, nil
}

// firstError returns the first failure of several checks.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
