package origin

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strictJSON reads bodies so that they mean one thing only: no name twice in one
// object, names spelled as documented, text that is Unicode (RFC 8259 §4, §8).
// encoding/json takes the last of two equal names and any spelling, so what was
// validated need not be what is then used.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeStrictly}

// wholeNumbers reads 3, 3.0 and 3e0 as the same integer, as JSON Schema does; some
// clients have no other numbers. Beyond 2^53 a number with a fraction or an
// exponent does not say which integer it is.
var wholeNumbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(from *jsontext.Decoder, into *int64) error {
	if from.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	number, err := from.ReadValue()
	if err != nil {
		return err
	}
	if *into, err = strconv.ParseInt(string(number), 10, 64); err == nil {
		return nil
	}
	whole, err := strconv.ParseFloat(string(number), 64)
	if err != nil || whole != math.Trunc(whole) || math.Abs(whole) > 1<<53 {
		return errNotWhole
	}
	*into = int64(whole)
	return nil
}))

var errNotWhole = errors.New("no whole number, or too large")

func decodeStrictly(body []byte, into any) error {
	err := json.Unmarshal(body, into, wholeNumbers)
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("holds a name twice")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("not valid JSON: it ends too early")
	case errors.As(err, &syntactic): // its text repeats what was sent
		return fmt.Errorf("not valid JSON at byte %d", syntactic.ByteOffset)
	case errors.As(err, &semantic):
		return fmt.Errorf("the value of %s can't be used", semantic.JSONPointer)
	}
	return err
}
