package origin

import (
	"errors"
	"fmt"
	"io"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strictJSON reads bodies so that they mean one thing only: no name twice in one
// object, names spelled as documented, text that is Unicode (RFC 8259 §4, §8).
// encoding/json takes the last of two equal names and any spelling, so what was
// validated need not be what is then used.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeStrictly}

func decodeStrictly(body []byte, into any) error {
	err := json.Unmarshal(body, into)
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
