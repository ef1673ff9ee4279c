package origin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// prefix stands before every path of the API.
const prefix = "/api/v1"

// routes is the whole API at a glance.
func (o *Origin) routes(api huma.API) {
	add(o, api, "GET /me", "whoami", 200, o.whoami)

	add(o, api, "GET /spaces", "list-spaces", 200, o.listSpaces, SpacesRead)
	add(o, api, "POST /spaces", "create-space", 201, o.createSpace, SpacesWrite)
	add(o, api, "GET /spaces/{id}", "get-space", 200, o.getSpace, SpacesRead)
	add(o, api, "PATCH /spaces/{id}", "rename-space", 200, o.renameSpace, SpacesWrite)
	add(o, api, "DELETE /spaces/{id}", "delete-space", 204, o.deleteSpace, SpacesWrite)

	add(o, api, "GET /folders", "list-folders", 200, o.listFolders, FoldersRead)
	add(o, api, "POST /folders", "create-folder", 201, o.createFolder, FoldersWrite)
	add(o, api, "GET /folders/{id}", "get-folder", 200, o.getFolder, FoldersRead)
	add(o, api, "PATCH /folders/{id}", "update-folder", 200, o.updateFolder, FoldersWrite)
	add(o, api, "DELETE /folders/{id}", "delete-folder", 200, o.deleteFolder, FoldersWrite)
	add(o, api, "POST /folders/{id}/restore", "restore-folder", 200, o.restoreFolder, FoldersWrite)
	add(o, api, "GET /folders/{id}/stats", "folder-stats", 200, o.folderStats, FoldersRead)

	add(o, api, "GET /files", "list-files", 200, o.listFiles, FilesRead)
	add(o, api, "GET /files/resolve", "resolve-file", 200, o.resolveFile, FilesRead)
	add(o, api, "GET /files/{id}", "get-file", 200, o.getFile, FilesRead)
	add(o, api, "PATCH /files/{id}", "update-file", 200, o.updateFile, FilesWrite)
	add(o, api, "DELETE /files/{id}", "delete-file", 200, o.deleteFile, FilesWrite)
	add(o, api, "POST /files/{id}/restore", "restore-file", 200, o.restoreFile, FilesWrite)
	add(o, api, "GET /files/{id}/download", "download-file", 200, o.downloadFile, FilesRead)
	add(o, api, "GET /files/{id}/preview", "preview-file", 200, o.previewFile, FilesRead)
	add(o, api, "DELETE /gdpr/files/{id}", "purge-file", 204, o.purgeFile, FilesWrite)

	add(o, api, "DELETE /gdpr/trash", "empty-trash", 202, o.emptyTrash, FilesWrite)

	add(o, api, "POST /uploads/initiate", "initiate-upload", 200, o.initiateUpload, FilesWrite)
	add(o, api, "POST /uploads/complete", "complete-upload", 200, o.completeUpload, FilesWrite)
	add(o, api, "POST /uploads/abort", "abort-upload", 204, o.abortUpload, FilesWrite)
	add(o, api, "POST /uploads/import-url", "import-url", 200, o.importURL, FilesWrite)

	add(o, api, "GET /shares", "list-shares", 200, o.listShares, SharesRead)
	add(o, api, "POST /shares", "create-share", 201, o.createShare, SharesWrite)
	add(o, api, "GET /shares/{id}", "get-share", 200, o.getShare, SharesRead)
	add(o, api, "PATCH /shares/{id}", "update-share", 200, o.updateShare, SharesWrite)
	add(o, api, "DELETE /shares/{id}", "revoke-share", 200, o.revokeShare, SharesWrite)

	add(o, api, "GET /webhooks", "list-webhooks", 200, o.listWebhooks, SharesWrite, FilesWrite)
	add(o, api, "POST /webhooks", "create-webhook", 201, o.createWebhook, SharesWrite, FilesWrite)
	add(o, api, "GET /webhooks/{id}", "get-webhook", 200, o.getWebhook, SharesWrite, FilesWrite)
	add(o, api, "PATCH /webhooks/{id}", "update-webhook", 200, o.updateWebhook, SharesWrite, FilesWrite)
	add(o, api, "DELETE /webhooks/{id}", "delete-webhook", 204, o.deleteWebhook, SharesWrite, FilesWrite)
	add(o, api, "POST /webhooks/{id}/rotate", "rotate-webhook", 200, o.rotateWebhook, SharesWrite, FilesWrite)
	add(o, api, "GET /webhooks/{id}/deliveries", "list-deliveries", 200, o.listDeliveries, SharesWrite, FilesWrite)
	add(o, api, "POST /webhooks/{id}/deliveries/{delivery_id}/replay", "replay-delivery", 202, o.replayDelivery, SharesWrite, FilesWrite)

	add(o, api, "GET /quota", "quota", 200, o.quota, QuotaRead)
}

// add registers one operation: "METHOD /path", its id, the status of success,
// the function, and the scopes it takes, all of them.
func add[I, O any](o *Origin, api huma.API, route, id string, status int, operate func(context.Context, *I) (*O, error), scopes ...Scope) {
	method, path, ok := strings.Cut(route, " ")
	if !ok {
		panic("origin: route without a method: " + route)
	}
	operation := huma.Operation{
		OperationID:   id,
		Method:        method,
		Path:          prefix + path,
		DefaultStatus: status,
		Middlewares:   huma.Middlewares{o.authorize(api, scopes), o.audit},
		Errors:        []int{http.StatusInternalServerError}, // describe replaces it
		Security:      []map[string][]string{{"ApiKey": names(scopes)}, {"Bearer": names(scopes)}},
	}
	if o.config.RequireIfMatch && (method == http.MethodPatch || method == http.MethodDelete) {
		operation.Middlewares = append(operation.Middlewares, o.insist(api))
	}
	if method == http.MethodPost || method == http.MethodPatch {
		operation.Middlewares = append(operation.Middlewares, readBody)
		operation.BodyReadTimeout = -1 // readBody has its own
	}
	if method == http.MethodPost {
		operation.Middlewares = append(operation.Middlewares, o.once(api))
		operation.Parameters = []*huma.Param{idempotencyKey}
	}
	huma.Register(api, operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := operate(ctx, in)
		if err != nil {
			return nil, o.answer(ctx, id, err)
		}
		return out, nil
	})
}

// newAPI mounts the API on a router.
func (o *Origin) newAPI(router chi.Router) {
	adoptProblems()
	config := huma.DefaultConfig("Rawlink", "1")
	config.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	config.CreateHooks = nil // no $schema fields in answers
	config.SchemasPath, config.DocsPath, config.OpenAPIPath = "", "", ""
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.AllowAdditionalPropertiesByDefault = true // unknown request fields are ignored
	config.FieldsOptionalByDefault = true
	api := humachi.New(router, config)
	o.routes(api)
	ref, err := readReference()
	if err != nil {
		panic("origin: " + err.Error()) // embedded: as good as code
	}
	describe(api.OpenAPI(), ref)
	boundSizes(api.OpenAPI(), o.config.MaxUpload)
	closeLiterals(router, api.OpenAPI())
	publish(router, api.OpenAPI())
}

// none is the input or output of an operation that has none.
type none struct{}

// byID is the input of an operation on what belongs to one thing.
type byID struct {
	ID string `path:"id"`
}

// notFoundRoute and wrongMethod answer what no operation does.
func notFoundRoute(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, reject(http.StatusNotFound, "no such endpoint"))
}

// closeLiterals keeps a path such as /files/resolve from being taken for
// /files/{id} by the methods that it doesn't have itself.
func closeLiterals(router chi.Router, doc *huma.OpenAPI) {
	for path, item := range doc.Paths {
		if strings.Contains(path, "{") {
			continue
		}
		has := map[string]bool{"GET": item.Get != nil, "POST": item.Post != nil, "PUT": item.Put != nil, "PATCH": item.Patch != nil, "DELETE": item.Delete != nil}
		refuse := func(w http.ResponseWriter, _ *http.Request) {
			for _, method := range slices.Sorted(maps.Keys(has)) {
				if has[method] {
					w.Header().Add("Allow", method)
				}
			}
			writeProblem(w, reject(http.StatusMethodNotAllowed, "this endpoint does not accept this method"))
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"} {
			if !has[method] {
				router.MethodFunc(method, path, refuse)
			}
		}
	}
}

func wrongMethod(w http.ResponseWriter, r *http.Request) {
	if routes, ok := r.Context().Value(chi.RouteCtxKey).(*chi.Context); ok {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if routes.Routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
				w.Header().Add("Allow", method)
			}
		}
	}
	writeProblem(w, reject(http.StatusMethodNotAllowed, "this endpoint does not accept this method"))
}
