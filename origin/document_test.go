package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"rawlink/internal/testsystem"
)

// TestEveryOperationIsDescribed tells what an operation lacks in the reference.
func TestEveryOperationIsDescribed(t *testing.T) {
	r := serve(t, nil)
	document := must(testsystem.LoadDocument(r.API))
	ref := must(readReference())
	left := maps.Clone(ref.manuals)
	for _, op := range document.Operations {
		m := ref.manuals[op.ID]
		if m == nil {
			t.Errorf("operation %s has no entry in origin/reference/*.yaml; add one with summary, refusals, request and answer", op.ID)
			continue
		}
		delete(left, op.ID)
		for _, lack := range lacks(document, op) {
			t.Errorf("operation %s: %s", op.ID, lack)
		}
		for _, name := range m.Refusals {
			if !slices.ContainsFunc(ref.refusals, func(one refusal) bool { return one.Name == name }) {
				t.Errorf("operation %s names the refusal %q, which origin/reference/refusals.yaml does not have", op.ID, name)
			}
		}
	}
	for id := range left {
		t.Errorf("origin/reference describes %s, which is no operation", id)
	}
}

// lacks are the sentences that tell the author of an operation what to add.
func lacks(document *testsystem.Document, op *testsystem.Operation) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if op.Summary == "" || len(op.Tags) == 0 {
		add("it has no summary or tag; add them to its entry in origin/reference")
	}
	if len(op.Security) != 2 {
		add("it takes no key; register it with add in routes.go")
	} else if len(op.Security[0]["ApiKey"]) == 0 && op.ID != "whoami" {
		add("it takes no scope; name one in routes.go")
	}
	for _, p := range op.Parameters {
		if p.Required && p.Example == nil {
			add("its parameter %s has no example; add it under parameters", p.Name)
		}
		if p.Description == "" {
			add("its parameter %s is not explained; give the field a doc tag", p.Name)
		}
	}
	if op.Body != nil {
		if example := op.Body.Content["application/json"].Example; example == nil {
			add("it has no example of a request; add request to its entry")
		} else if err := document.Valid(op, "requestBody", raw(example)); err != nil {
			add("its example of a request is not one: %v", err)
		} else if unknown := unknownFields(document, op.Body.Content["application/json"].Schema, example); len(unknown) > 0 {
			add("its example of a request has fields that it does not take: %v", unknown)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		answer, ok := op.Responses[status].Content["application/json"]
		switch {
		case !ok && status < "400":
		case status < "300" && answer.Example == nil:
			add("it has no example of an answer; add answer to its entry")
		case status < "300":
			if err := document.Valid(op, "responses/"+status, raw(answer.Example)); err != nil {
				add("its example of an answer is not one: %v", err)
			}
			if unknown := unknownFields(document, answer.Schema, answer.Example); len(unknown) > 0 {
				add("its example of an answer has fields that it never gives: %v", unknown)
			}
		case len(answer.Examples) == 0:
			add("no refusal in origin/reference/refusals.yaml explains its %s", status)
		}
	}
	for _, status := range []int{401, 403, 429, 431, 500, 503} {
		if _, ok := op.Responses[strconv.Itoa(status)]; !ok {
			add("it does not say that it may answer %d; refusals.yaml gives that to every operation", status)
		}
	}
	if strings.Contains(op.Path, "{") {
		if _, ok := op.Responses["404"]; !ok {
			add("it is on one thing and does not say what it answers if that is not there; name a refusal with status 404")
		}
	}
	return out
}

func raw(value any) []byte { return must(json.Marshal(value)) }

// unknownFields are an example's fields that its schema does not name.
func unknownFields(document *testsystem.Document, schema map[string]any, example any) (unknown []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema, _ = document.Lookup(ref).(map[string]any)
	}
	if list, ok := example.([]any); ok {
		items, _ := schema["items"].(map[string]any)
		for _, one := range list {
			unknown = append(unknown, unknownFields(document, items, one)...)
		}
		return unknown
	}
	fields, _ := example.(map[string]any)
	known, _ := schema["properties"].(map[string]any)
	for name, value := range fields {
		if field, ok := known[name].(map[string]any); ok {
			unknown = append(unknown, unknownFields(document, field, value)...)
		} else if known != nil {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// TestDocument writes the document to the file that $RAWLINK_DOCUMENT names, for
// the linter, and wants its two spellings to say the same.
func TestDocument(t *testing.T) {
	r := serve(t, nil)
	_, asJSON := r.send(t, "GET", "/openapi.json", "")
	_, asYAML := r.send(t, "GET", "/openapi.yaml", "")
	var one, other any
	if err := errors.Join(yaml.Unmarshal([]byte(asJSON), &one), yaml.Unmarshal([]byte(asYAML), &other)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, other) {
		t.Error("openapi.json and openapi.yaml differ")
	}
	if name := os.Getenv("RAWLINK_DOCUMENT"); name != "" {
		if err := os.WriteFile(name, []byte(asJSON), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefusalsAreProblems compares every example of a refusal with the schema
// that all refusals share.
func TestRefusalsAreProblems(t *testing.T) {
	r := serve(t, nil)
	document := must(testsystem.LoadDocument(r.API))
	op := document.Find("GET", "/api/v1/me")
	ref := must(readReference())
	used := map[string]bool{}
	for _, m := range ref.manuals {
		for _, name := range m.Refusals {
			used[name] = true
		}
	}
	explained := string(must(os.ReadFile("../docs/errors.md")))
	for _, one := range ref.refusals {
		if !strings.Contains(explained, one.When) {
			t.Errorf("docs/errors.md does not say of %d: %s", one.Status, one.When)
		}
		if err := document.Valid(op, "responses/401", raw(one.Answer)); err != nil {
			t.Errorf("refusal %s: %v", one.Name, err)
		}
		if one.When == "" || one.Status < 400 {
			t.Errorf("refusal %s: has no status, or does not say when", one.Name)
		}
		if one.On == "" && !used[one.Name] {
			t.Errorf("refusal %s: no operation names it", one.Name)
		}
	}
}
