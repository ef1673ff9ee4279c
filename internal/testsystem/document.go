package testsystem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is the OpenAPI document of a running API, judged by a JSON Schema
// validator that is not the server's own. Safe for concurrent use.
type Document struct {
	Operations []*Operation

	all      any
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
}

// Operation is one of the API.
type Operation struct {
	ID         string `json:"operationId"`
	Summary    string
	Tags       []string
	Security   []map[string][]string
	Parameters []Parameter
	Body       *Payload `json:"requestBody"`
	Responses  map[string]Payload

	Method, Path string // with {names}
}

// Parameter is one of an operation's.
type Parameter struct {
	Name, In, Description string
	Required              bool
	Schema                map[string]any
	Example               any
}

// Payload is a request's body or an answer.
type Payload struct {
	Description string
	Headers     map[string]any
	Content     map[string]struct {
		Schema   map[string]any
		Example  any
		Examples map[string]struct {
			Ref string `json:"$ref"`
		}
	}
}

// LoadDocument gets the document of an API.
func LoadDocument(api string) (*Document, error) {
	response, err := partner.Get(api + "/openapi.json")
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("openapi.json: %d %w", response.StatusCode, err)
	}
	d := &Document{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	if d.all, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", d.all); err != nil {
		return nil, err
	}
	var paths struct {
		Paths map[string]map[string]*Operation
	}
	if err := json.Unmarshal(raw, &paths); err != nil {
		return nil, err
	}
	for path, methods := range paths.Paths {
		for method, op := range methods {
			op.Method, op.Path = strings.ToUpper(method), path
			d.Operations = append(d.Operations, op)
		}
	}
	slices.SortFunc(d.Operations, func(a, b *Operation) int { return strings.Compare(a.ID, b.ID) })
	return d, nil
}

// Find returns the operation that a request is for, nil if there is none. Of two
// paths that fit, it is the one with fewer {names}, whatever the method.
func (d *Document) Find(method, path string) *Operation {
	path, _, _ = strings.Cut(path, "?")
	var found *Operation
	best := len(path)
	for _, op := range d.Operations {
		names := strings.Count(op.Path, "{")
		if !fits(op.Path, path) || names > best {
			continue
		}
		if names < best {
			best, found = names, nil
		}
		if op.Method == method {
			found = op
		}
	}
	return found
}

func fits(template, path string) bool {
	wanted, parts := strings.Split(template, "/"), strings.Split(path, "/")
	if len(wanted) != len(parts) {
		return false
	}
	for i, part := range wanted {
		if part != parts[i] && (!strings.HasPrefix(part, "{") || parts[i] == "") {
			return false
		}
	}
	return true
}

// Judge reports how an answer differs from what the document says.
func (d *Document) Judge(op *Operation, status int, header http.Header, body []byte) error {
	said, ok := op.Responses[strconv.Itoa(status)]
	if !ok {
		return fmt.Errorf("%s answered %d, which its document does not list: name a refusal with this status in origin/reference", op.ID, status)
	}
	for name, one := range said.Headers {
		if d.required(one) && header.Get(name) == "" {
			return fmt.Errorf("%s answered %d without its header %s", op.ID, status, name)
		}
	}
	if len(said.Content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s answered %d with a body, which its document does not describe", op.ID, status)
		}
		return nil
	}
	if err := d.Valid(op, "responses/"+strconv.Itoa(status), body); err != nil {
		return fmt.Errorf("%s answered %d otherwise than documented: %w", op.ID, status, err)
	}
	return nil
}

// required looks behind a reference to a header.
func (d *Document) required(header any) bool {
	fields, _ := header.(map[string]any)
	if ref, ok := fields["$ref"].(string); ok {
		fields, _ = d.Lookup(ref).(map[string]any)
	}
	must, _ := fields["required"].(bool)
	return must
}

// Lookup returns what a reference such as #/components/examples/x leads to, nil
// if nothing is there.
func (d *Document) Lookup(ref string) any {
	at := d.all
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		fields, _ := at.(map[string]any)
		at = fields[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	return at
}

// Valid compares JSON with the schema of a place in an operation: requestBody,
// or responses/200.
func (d *Document) Valid(op *Operation, place string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	path := strings.ReplaceAll(op.Path, "/", "~1")
	schema, err := d.schema("openapi.json#/paths/" + path + "/" + strings.ToLower(op.Method) + "/" + place + "/content/application~1json/schema")
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// Fields are the names that an operation's body may have.
func (d *Document) Fields(op *Operation) []string {
	if op.Body == nil {
		return nil
	}
	schema := op.Body.Content["application/json"].Schema
	if ref, ok := schema["$ref"].(string); ok {
		schema, _ = d.Lookup(ref).(map[string]any)
	}
	properties, _ := schema["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(properties))
}

func (d *Document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.schemas[pointer]; known != nil {
		return known, nil
	}
	schema, err := d.compiler.Compile(strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer))
	if err != nil {
		return nil, err
	}
	d.schemas[pointer] = schema
	return schema, nil
}

var documents sync.Map // base URL of an API → func() (*Document, error)

// document returns the document of a running API, loaded once.
func document(tb testing.TB, api string) *Document {
	tb.Helper()
	load, _ := documents.LoadOrStore(api, sync.OnceValues(func() (*Document, error) { return LoadDocument(api) }))
	d, err := load.(func() (*Document, error))()
	if err != nil {
		tb.Fatalf("the API's document: %v", err)
	}
	return d
}
