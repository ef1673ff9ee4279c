package origin

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const aboutAPI = `Store files, share them as raw links.

Send the key as ` + "`X-API-Key`" + ` or as ` + "`Authorization: Bearer`" + `. The key is the tenant: what is not the
tenant's does not exist. Every failure is ` + "`{\"detail\": …}`" + `, a sentence or an object. Unknown fields of a
request are ignored. Times are UTC in whole seconds; ids are UUIDs. An ` + "`ETag`" + ` stands for what is shown:
with ` + "`If-Match`" + ` a change is made only of that. Downloads of a link, and deliveries of a
webhook, don't count as changes there.`

// describe completes the document that huma made of the code: with the prose and
// examples of the reference, every refusal of every operation, and the headers.
func describe(doc *huma.OpenAPI, ref *reference) {
	doc.Info.Description = aboutAPI
	doc.Servers = []*huma.Server{{URL: "/", Description: "The host that this document came from."}}
	doc.Components.Headers = headers()
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"ApiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "fck_live_… or fck_test_…"},
		"Bearer": {Type: "http", Scheme: "bearer", Description: "The same key."},
	}
	doc.Components.Examples = map[string]*huma.Example{}
	for _, r := range ref.refusals {
		doc.Components.Examples[r.Name] = &huma.Example{Summary: r.When, Value: r.Answer}
	}
	for _, c := range ref.chapters {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: c.Tag, Description: c.About})
	}
	schemas := doc.Components.Schemas.Map()
	schemas["CreateShareRequest"].Extensions = oneExpiry()
	schemas["UpdateShareRequest"].Extensions = oneExpiry()
	schemas["InitiateRequest"].Extensions = someName()
	problem := problemSchema(doc.Components.Schemas)
	for _, schema := range schemas {
		for _, property := range schema.Properties {
			spellOut(property)
		}
	}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Put, path.Post, path.Patch, path.Delete} {
			if op != nil {
				describeOperation(doc, op, ref, problem)
			}
		}
	}
}

func describeOperation(doc *huma.OpenAPI, op *huma.Operation, ref *reference, problem *huma.Schema) {
	m := ref.manuals[op.OperationID]
	if m == nil {
		m = &manual{} // a test tells
	}
	op.Tags, op.Summary, op.Description = nil, m.Summary, m.About
	if m.tag != "" {
		op.Tags = []string{m.tag}
	}
	scopes := scopesOf(op)
	if len(scopes) > 0 {
		op.Description = strings.TrimSpace(op.Description + "\n\nScope: `" + strings.Join(scopes, "`, `") + "`.")
	}
	describeParameters(op, m)
	if op.RequestBody != nil {
		showBody(op.RequestBody.Content, m.Request)
	}
	success := op.Responses[strconv.Itoa(op.DefaultStatus)]
	showBody(success.Content, m.Answer)
	for _, media := range success.Content {
		requireAll(doc.Components.Schemas, media.Schema)
	}
	op.Responses = map[string]*huma.Response{strconv.Itoa(op.DefaultStatus): success}
	kinds := kindsOf(op)
	if kinds["conditional"] && op.Method == http.MethodGet {
		op.Responses["304"] = &huma.Response{Description: "It is as If-None-Match has it. No body."}
	}
	for _, r := range ref.of(kinds, m.Refusals) {
		refuseWith(op, r, problem)
	}
	for status, response := range op.Responses {
		response.Headers = withHeaders(response.Headers, op.Method, status)
	}
}

// scopesOf are the scopes that an operation takes, all of them.
func scopesOf(op *huma.Operation) []string {
	if len(op.Security) == 0 {
		return nil
	}
	return op.Security[0]["ApiKey"]
}

// kindsOf says which refusals an operation has by its kind; see refusals.yaml.
func kindsOf(op *huma.Operation) map[string]bool {
	kinds := map[string]bool{"every": true, "scoped": len(scopesOf(op)) > 0, "body": op.RequestBody != nil, "post": op.Method == http.MethodPost}
	for _, p := range op.Parameters {
		kinds["query"] = kinds["query"] || p.In == "query"
		kinds["list"] = kinds["list"] || p.Name == "cursor"
		kinds["conditional"] = kinds["conditional"] || p.Name == "If-Match"
	}
	kinds["change"] = kinds["conditional"] && (op.Method == http.MethodPatch || op.Method == http.MethodDelete)
	return kinds
}

// oneExpiry says what huma's schemas can't: an expiry in days or as a time, not
// both. It is an extension so that expiry, which tells the client more, stays
// the one that checks.
func oneExpiry() map[string]any {
	set := func(kind string) map[string]any { return map[string]any{"type": kind} }
	return map[string]any{"not": map[string]any{
		"required":   []string{"expires_at", "expires_in_days"},
		"properties": map[string]any{"expires_at": set(huma.TypeString), "expires_in_days": set(huma.TypeInteger)},
	}}
}

// someName says that an upload is named by one of two fields.
func someName() map[string]any {
	named := func(field string) map[string]any {
		text := map[string]any{"type": huma.TypeString, "minLength": 1}
		return map[string]any{"required": []string{field}, "properties": map[string]any{field: text}}
	}
	return map[string]any{"anyOf": []any{named("original_name"), named("name")}}
}

// boundSizes says how large a file may be here. More is answered with 413, not
// as an invalid field, so huma does not check it.
func boundSizes(doc *huma.OpenAPI, most int64) {
	for _, name := range []string{"InitiateRequest", "CompleteRequest"} {
		doc.Components.Schemas.Map()[name].Properties["size"].Extensions = map[string]any{"maximum": most}
	}
}

// describeParameters works on copies: huma validates by the originals, and an id
// that is no UUID is not invalid but unknown.
func describeParameters(op *huma.Operation, m *manual) {
	for i, original := range op.Parameters {
		p := *original
		schema := *p.Schema
		p.Schema = &schema
		spellOut(p.Schema)
		if p.In == "path" {
			schema.Format = "uuid"
			if p.Description == "" {
				p.Description = "Its id."
			}
		}
		if example, ok := m.Parameters[p.Name]; ok {
			p.Example = example
		}
		op.Parameters[i] = &p
	}
}

// patterns are the formats of texts that only this API knows, in words that a
// client's validator knows: what checkText and checkName accept, nearly.
var patterns = map[string]string{
	"entity-tags":     `^([*]|(W/)?"[!#-~]*"([ ]*,[ ]*(W/)?"[!#-~]*")*)$`,
	"text":            `^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$`,
	"maybe-text":      `^([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*)?$`,
	"sha256":          `^([0-9A-Fa-f]{64})?$`,
	"media-type":      `^([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( ?; ?[A-Za-z0-9-]+=[A-Za-z0-9-]+)?)?$`,
	"file-name":       `^[^\x00-\x1f\x7f-\x9f/\\]*[^\s\x00-\x1f\x7f-\x9f/\\][^\x00-\x1f\x7f-\x9f/\\]*$`,
	"maybe-file-name": `^([^\x00-\x1f\x7f-\x9f/\\]*[^\s\x00-\x1f\x7f-\x9f/\\][^\x00-\x1f\x7f-\x9f/\\]*)?$`,
}

// spellOut replaces a format of our own by its pattern. huma does not validate by
// it, for it comes too late for that: checkText says better what is wrong.
func spellOut(schema *huma.Schema) {
	if pattern, ok := patterns[schema.Format]; ok {
		schema.Format, schema.Pattern = "", pattern
	}
}

func showBody(content map[string]*huma.MediaType, example any) {
	for _, media := range content {
		media.Example = example
	}
}

// refuseWith adds one refusal to an operation's answers.
func refuseWith(op *huma.Operation, r refusal, problem *huma.Schema) {
	status := strconv.Itoa(r.Status)
	response := op.Responses[status]
	if response == nil {
		media := &huma.MediaType{Schema: problem, Examples: map[string]*huma.Example{}}
		response = &huma.Response{Content: map[string]*huma.MediaType{"application/json": media}}
		op.Responses[status] = response
	}
	response.Description = strings.TrimSpace(response.Description + " " + r.When)
	response.Content["application/json"].Examples[r.Name] = &huma.Example{Ref: "#/components/examples/" + r.Name}
}

// problemSchema is every refusal's.
func problemSchema(all huma.Registry) *huma.Schema {
	ref := all.Schema(reflect.TypeFor[problem](), true, "")
	schema := all.SchemaFromRef(ref.Ref)
	schema.Required = []string{"detail"}
	detail := *schema.Properties["detail"]
	detail.OneOf = []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeObject, AdditionalProperties: true}}
	schema.Properties["detail"] = &detail
	return ref
}

// requireAll notes that answers always hold every field of their kind.
func requireAll(all huma.Registry, schema *huma.Schema) {
	if schema.Ref != "" {
		schema = all.SchemaFromRef(schema.Ref)
	}
	if schema.Items != nil {
		requireAll(all, schema.Items)
	}
	if len(schema.Properties) == 0 || len(schema.Required) > 0 {
		return
	}
	schema.Required = slices.Sorted(maps.Keys(schema.Properties))
	for _, property := range schema.Properties {
		requireAll(all, property)
	}
}

// headers are those of the API's answers.
func headers() map[string]*huma.Header {
	text, number := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeInteger}
	return map[string]*huma.Header{
		"X-Request-Id":         {Required: true, Schema: text, Description: "Names the request in the service's log.", Example: "4QZ7DK2V3YBXJ6TNRH5CWMASUE"},
		"RateLimit":            {Schema: text, Description: "What is left of each budget, and for how many seconds.", Example: `"requests";r=599;t=42`},
		"RateLimit-Policy":     {Schema: text, Description: "The budgets: requests in a window of seconds.", Example: `"requests";q=600;w=60`},
		"Retry-After":          {Schema: number, Description: "Seconds to wait before the next try.", Example: 12},
		"WWW-Authenticate":     {Required: true, Schema: text, Description: "How to send the key.", Example: `Bearer realm="rawlink"`},
		"Idempotency-Replayed": {Schema: text, Description: "true: the answer to an earlier request with this Idempotency-Key.", Example: "true"},
		"ETag":                 {Schema: text, Description: "Of what is shown, for If-Match and If-None-Match.", Example: `"kM3qfXw0b1Zc8yQv"`},
		"Link":                 {Schema: text, Description: "Leads to the next page; absent with the last one.", Example: `</api/v1/files?cursor=MTc4…&limit=100>; rel="next"`},
	}
}

// withHeaders adds the headers that answers of this status may have.
func withHeaders(own map[string]*huma.Param, method, status string) map[string]*huma.Param {
	names := []string{"X-Request-Id"}
	switch status {
	case "304", "412":
		names = append(names, "ETag")
	case "401":
		names = append(names, "WWW-Authenticate")
	case "409", "429", "503":
		names = append(names, "Retry-After")
	}
	if status != "401" && status != "431" {
		names = append(names, "RateLimit", "RateLimit-Policy")
	}
	if method == http.MethodPost && status < "300" {
		names = append(names, "Idempotency-Replayed")
	}
	for name := range own {
		names = append(names, name)
	}
	all := map[string]*huma.Param{}
	for _, name := range names {
		all[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
	return all
}

// schemaName names a type of the code for clients.
func schemaName(t reflect.Type, hint string) string {
	name := strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Body")
	if rest, ok := strings.CutSuffix(name, "In"); ok {
		name = rest + "Request"
	}
	return strings.ReplaceAll(strings.TrimSuffix(name, "Out"), "Link", "Share")
}
