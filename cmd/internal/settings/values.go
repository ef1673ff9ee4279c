package settings

import (
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize"
)

// Size is a number of bytes, written 5GiB, 100MB or 1048576.
type Size int64

// Secret is a setting that must not be printed. Use string(s) for the value. Given
// as @PATH it is what the file holds, without the space around it.
type Secret string

// String hides the value from fmt.
func (Secret) String() string { return "[secret]" }

// GoString hides the value from %#v.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// collect returns kong options that parse values of these types and put what
// can't be parsed into problems, so that a user sees all mistakes at once and
// not the first one only.
func collect(problems *[]error) []kong.Option {
	return []kong.Option{
		parsed(problems, "a duration such as 500ms, 5s or 1h", time.ParseDuration),
		parsed(problems, "a size such as 512KiB, 16MiB or 100MB", parseSize),
		parsed(problems, "a whole number", strconv.Atoi),
		parsed(problems, "a number such as 0.01", func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }),
		kong.TypeMapper(reflect.TypeFor[Secret](), secretMapper(problems)),
	}
}

func parseSize(text string) (Size, error) {
	n, err := humanize.ParseBytes(text)
	if err == nil && n > 1<<62 {
		return 0, strconv.ErrRange
	}
	return Size(n), err //nolint:gosec // checked above
}

// secretMapper reads a secret, whose errors never repeat it.
func secretMapper(problems *[]error) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("secret", &text); err != nil {
			return err
		}
		if path, named := strings.CutPrefix(text, "@"); named {
			raw, err := os.ReadFile(path)
			if err != nil {
				*problems = append(*problems, fmt.Errorf("%s: can't read the file after the @: %w", setting(ctx.Value.Name), err))
				return nil
			}
			text = strings.TrimSpace(string(raw))
		}
		target.SetString(text)
		return nil
	})
}

func parsed[T any](problems *[]error, wants string, parse func(string) (T, error)) kong.Option {
	return kong.TypeMapper(reflect.TypeFor[T](), kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		value, err := parse(strings.TrimSpace(text))
		if err != nil {
			*problems = append(*problems, fmt.Errorf("%s: want %s, got %q", setting(ctx.Value.Name), wants, text))
			return nil
		}
		target.Set(reflect.ValueOf(value))
		return nil
	}))
}

// setting is a name as errors and YAML spell it.
func setting(flag string) string { return strings.ReplaceAll(flag, "-", "_") }
