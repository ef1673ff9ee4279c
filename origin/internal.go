package origin

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"rawlink/internal/share"
)

// The internal API is what edges ask of an origin: a record that no cache holds,
// a download of a capped share, what was purged, and to take over counts. It listens apart from
// the public API and takes a shared secret.
//
//	GET  /internal/v1/records/{hash}   200 record, 404
//	POST /internal/v1/redeem/{share}   200 share.Grant, 410 ended; body: a share.Ask
//	POST /internal/v1/uses             204; body: []share.Use
//	POST /internal/v1/counts           204; body: a share.Batch
//	GET  /internal/v1/purges/{number}  200 share.Purges: what follows that number

// maxBatch bounds a body, in bytes: some 10,000 shares.
const maxBatch = 1 << 20

// InternalHandler returns the internal API.
func (o *Origin) InternalHandler() http.Handler {
	router := chi.NewRouter()
	router.Use(o.frame(func(*http.Request) bool { return true }), o.insiders) // only edges get here
	router.NotFound(notFoundRoute)
	router.MethodNotAllowed(wrongMethod)
	router.Get("/internal/v1/records/{hash}", o.internalRecord)
	router.Post("/internal/v1/redeem/{share}", o.internalRedeem)
	router.Post("/internal/v1/uses", o.internalUses)
	router.Post("/internal/v1/counts", o.internalCounts)
	router.Get("/internal/v1/purges/{number}", o.internalPurges)
	return router
}

// insiders lets only holders of the shared secret through; without a secret,
// nobody.
func (o *Origin) insiders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || o.config.InternalKey == "" || subtle.ConstantTimeCompare([]byte(got), []byte(o.config.InternalKey)) != 1 {
			writeProblem(w, unauthorized("internal API"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (o *Origin) internalRecord(w http.ResponseWriter, r *http.Request) {
	noteRoute(r, "internal-record")
	hash, err := share.ParseHash(chi.URLParam(r, "hash"))
	if err != nil {
		writeProblem(w, reject(http.StatusNotFound, "no such record"))
		return
	}
	record, err := o.Store.Record(r.Context(), hash)
	if err != nil {
		o.failInternal(w, r, "internal-record", err)
		return
	}
	raw, err := record.Encode()
	if err != nil {
		o.failInternal(w, r, "internal-record", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // an edge that left asks again
}

func (o *Origin) internalRedeem(w http.ResponseWriter, r *http.Request) {
	noteRoute(r, "internal-redeem")
	var ask share.Ask
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatch)).Decode(&ask)
	if err != nil || ask.Edge == "" || ask.Seq < 1 || (ask.N < 1) == (ask.Return < 1) {
		writeProblem(w, reject(http.StatusUnprocessableEntity, "body: not an ask for downloads"))
		return
	}
	grant, err := o.Redeem(r.Context(), chi.URLParam(r, "share"), ask)
	if err != nil {
		o.failInternal(w, r, "internal-redeem", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(grant) // an edge that left asks again
}

func (o *Origin) internalUses(w http.ResponseWriter, r *http.Request) {
	noteRoute(r, "internal-uses")
	var uses []share.Use
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatch)).Decode(&uses); err != nil {
		writeProblem(w, reject(http.StatusUnprocessableEntity, "body: not a list of uses"))
		return
	}
	if err := o.Settle(r.Context(), uses); err != nil {
		o.failInternal(w, r, "internal-uses", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (o *Origin) internalCounts(w http.ResponseWriter, r *http.Request) {
	noteRoute(r, "internal-counts")
	var batch share.Batch
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBatch)).Decode(&batch); err != nil || batch.Edge == "" || batch.Epoch == "" || batch.Seq < 1 {
		writeProblem(w, reject(http.StatusUnprocessableEntity, "body: not a batch of counts"))
		return
	}
	if err := o.Store.AddDownloads(r.Context(), batch); err != nil {
		o.failInternal(w, r, "internal-counts", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (o *Origin) internalPurges(w http.ResponseWriter, r *http.Request) {
	noteRoute(r, "internal-purges")
	after, err := strconv.ParseInt(chi.URLParam(r, "number"), 10, 64)
	if err != nil {
		writeProblem(w, reject(http.StatusUnprocessableEntity, "number: want an integer"))
		return
	}
	purges, err := o.Store.Purged(r.Context(), after)
	if err != nil {
		o.failInternal(w, r, "internal-purges", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(purges) // an edge that left asks again
}

func (o *Origin) failInternal(w http.ResponseWriter, r *http.Request, operation string, err error) {
	if share.KindOf(err) == share.Gone {
		writeProblem(w, reject(http.StatusGone, "no download is left"))
		return
	}
	writeProblem(w, problemOf(o.answer(r.Context(), operation, err)))
}

func noteRoute(r *http.Request, operation string) {
	if about, ok := r.Context().Value(requestKey{}).(*request); ok {
		about.operation = operation
	}
}
