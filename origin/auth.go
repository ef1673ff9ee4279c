package origin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

// Scope is one right of an API key.
type Scope string

// The scopes of the API.
const (
	SpacesRead   Scope = "spaces:read"
	SpacesWrite  Scope = "spaces:write"
	FoldersRead  Scope = "folders:read"
	FoldersWrite Scope = "folders:write"
	FilesRead    Scope = "files:read"
	FilesWrite   Scope = "files:write"
	SharesRead   Scope = "shares:read"
	SharesWrite  Scope = "shares:write"
	QuotaRead    Scope = "quota:read"
)

// AllScopes returns every scope, as a key with full rights holds them.
func AllScopes() []string {
	return []string{string(SpacesRead), string(SpacesWrite), string(FoldersRead), string(FoldersWrite),
		string(FilesRead), string(FilesWrite), string(SharesRead), string(SharesWrite), string(QuotaRead)}
}

type callerKey struct{}

// caller returns the key that a request came with. The key is the tenant.
func caller(ctx context.Context) store.Key {
	key, _ := ctx.Value(callerKey{}).(store.Key)
	return key
}

// presented returns the key a client sent, in either of the two headers.
func presented(ctx huma.Context) string {
	if key := ctx.Header("X-API-Key"); key != "" {
		return key
	}
	scheme, key, ok := strings.Cut(ctx.Header("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key)
	}
	return ""
}

// authorize lets a request through if its key is live, its tenant may use the
// API, the key has requests left, holds all scopes, and has some of this sort
// left, checked in this order.
func (o *Origin) authorize(api huma.API, scopes []Scope) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		key, err := o.authenticate(ctx.Context(), presented(ctx))
		note(ctx, key.ID)
		if err == nil {
			err = o.permit(ctx, key, scopes)
		}
		if err != nil {
			o.refuse(api, ctx, err)
			return
		}
		next(huma.WithValue(ctx, callerKey{}, key))
	}
}

func (o *Origin) permit(ctx huma.Context, key store.Key, scopes []Scope) error {
	if key.TenantSuspended {
		return reject(http.StatusForbidden, map[string]string{"error": "feature_not_in_plan"})
	}
	unscoped := checkScopes(key, scopes)
	if err := o.ration(ctx, key, unscoped == nil); err != nil {
		return err
	}
	return unscoped
}

func (o *Origin) authenticate(ctx context.Context, secret string) (store.Key, error) {
	if secret == "" {
		return store.Key{}, unauthorized("no API key; send it as X-API-Key or as Authorization: Bearer")
	}
	key, err := o.Store.Authenticate(ctx, secret)
	if share.KindOf(err) == share.NotFound {
		return key, unauthorized("unknown, revoked or expired API key")
	}
	if err != nil {
		return key, err
	}
	if err := o.Store.TouchKey(ctx, key); err != nil {
		o.Log.WarnContext(ctx, "last use of a key not recorded", "key_id", key.ID, "error", err)
	}
	return key, nil
}

func unauthorized(detail string) *problem {
	p := reject(http.StatusUnauthorized, detail)
	p.header = http.Header{"Www-Authenticate": {`Bearer realm="rawlink"`}}
	return p
}

// scopeProblem is the detail of a 403 for scopes.
type scopeProblem struct {
	Error    string  `json:"error"`
	Required []Scope `json:"required"`
	Missing  []Scope `json:"missing"`
}

func checkScopes(key store.Key, required []Scope) error {
	missing := []Scope{}
	for _, scope := range required {
		if !slices.Contains(key.Scopes, string(scope)) {
			missing = append(missing, scope)
		}
	}
	if len(missing) > 0 {
		return reject(http.StatusForbidden, scopeProblem{Error: "insufficient_scope", Required: required, Missing: missing})
	}
	return nil
}

// names are scopes as text; never nil, for clients read it as a list.
func names(scopes []Scope) []string { return each(scopes, func(s Scope) string { return string(s) }) }

// refuse answers from a middleware, where huma's own error path isn't reached.
func (o *Origin) refuse(api huma.API, ctx huma.Context, err error) {
	p := problemOf(o.answer(ctx.Context(), ctx.Operation().OperationID, err))
	for name, values := range p.header {
		for _, value := range values {
			ctx.SetHeader(name, value)
		}
	}
	ctx.SetHeader("Content-Type", "application/json")
	ctx.SetStatus(p.status)
	if err := api.Marshal(ctx.BodyWriter(), "application/json", p); err != nil {
		o.Log.WarnContext(ctx.Context(), "refusal not written", "error", err)
	}
}

// CheckScopes reports scopes that don't exist.
func CheckScopes(scopes []string) error {
	for _, scope := range scopes {
		if !slices.Contains(AllScopes(), scope) {
			return fmt.Errorf("%q is none; there are %s", scope, strings.Join(AllScopes(), ", "))
		}
	}
	return nil
}
