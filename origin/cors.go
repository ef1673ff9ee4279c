package origin

import (
	"net/http"
	"strings"

	"github.com/rs/cors"
)

// letIn lets scripts of the configured web origins call the API (Fetch standard, CORS
// protocol); others are told nothing, and the browser refuses. What is mounted beside
// the API, such as the local object store, has rules of its own.
func (o *Origin) letIn(next http.Handler) http.Handler {
	if len(o.config.Origins) == 0 { // which the library takes for all of them
		return next
	}
	api := cors.New(cors.Options{
		AllowedOrigins: o.config.Origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"X-API-Key", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"},
		ExposedHeaders: []string{"X-Request-Id", "ETag", "Link", "Retry-After", "RateLimit", "RateLimit-Policy", "Idempotency-Replayed"},
		MaxAge:         3600,
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, prefix+"/") || r.URL.Path == "/openapi.json" {
			api.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
