package edge

import (
	"errors"
	"fmt"

	"rawlink/internal/share"
)

// The refusals that the rooms agree on: package-level values, so refusing
// allocates nothing.
var (
	errNotFound     = share.E(share.NotFound, "claim", errors.New("no such share"))
	errNoSuchTarget = share.E(share.NotFound, "admit", errors.New("no such target"))
	errHasBody      = share.E(share.Invalid, "admit", errors.New("request has a body"))
	errBusy         = share.E(share.Overloaded, "admit", errors.New("too many requests at once"))
	errCrowd        = share.E(share.Overloaded, "admit", errors.New("too many requests of one client at once"))
	errExhausted    = share.E(share.Gone, "redeem", errors.New("downloads used up"))
	errMethod       = errors.New("method not allowed")
	errPreview      = errors.New("a preview of a capped link")
)

// refusal is what a client is told when it gets no bytes. It depends on the
// kind of failure alone, never on its text, so two causes of one kind can't be
// told apart: a forged token, an unknown one, a trashed and a purged file.
type refusal struct {
	status     int
	detail     string // of the JSON body
	title      string // of the page, for people
	advice     string // likewise: what to do now
	retryAfter string // seconds; "" = trying again won't help
	allow      bool   // names the methods there are
	json, page []byte // both bodies, rendered once
}

// The refusals by kind, and those that are not kinds.
var (
	refusals = map[share.Kind]*refusal{
		share.Invalid: refuse(400, "request not acceptable", "This request can’t be answered",
			"The link may have been changed on its way. Open it again as you received it."),
		share.NotFound: refuse(404, "not found", "Nothing is shared here",
			"The link may be incomplete, or the file was deleted. Check that you copied all of it, or ask whoever sent it for a new one."),
		share.Gone: refuse(410, "link has ended", "This link has ended",
			"It was withdrawn, has expired, or was downloaded as often as its owner allows. Ask whoever sent it for a new one."),
		share.NotReady: refuse(409, "file has not passed its scan", "This file can’t be served",
			"It has not passed its safety scan. If it was shared just now, try again in a minute; otherwise ask whoever sent it."),
		share.Overloaded: retry(refuse(429, "too many requests", "Too many requests",
			"Wait a moment, then try again."), "5"),
		share.Unavailable: retry(refuse(503, "temporarily unavailable", "Temporarily unavailable",
			"The link is fine, but the file can’t be served right now. Try again in a moment."), "5"),
		share.Internal: refuse(500, "internal error", "Something went wrong",
			"The fault is ours. Try again later; if it stays, tell whoever sent you the link."),
	}
	refusedMethod = allowing(refuse(405, "method not allowed", "This method is not allowed",
		"Links can be opened and downloaded, nothing else."))
	refusedPreview = refuse(403, "no previews of this link", "This link is not previewed",
		"It can be downloaded a limited number of times, so nothing is fetched before somebody opens it.")
	refusedHeader  = refuse(431, "request header too large", "This request is too large", "Open the link in a new window.")
	refusedBody    = refuse(413, "request body too large", "This request is too large", "Links can be opened and downloaded, nothing else.")
	refusedTimeout = refuse(408, "request took too long", "This request took too long", "Check your connection and try again.")
)

// refusalOf returns what to tell the client about an error: the only place
// where a kind becomes a status.
func refusalOf(err error) *refusal {
	if errors.Is(err, errMethod) {
		return refusedMethod
	}
	if errors.Is(err, errPreview) {
		return refusedPreview
	}
	if r := refusals[share.KindOf(err)]; r != nil {
		return r
	}
	return refusals[share.Internal]
}

func refuse(status int, detail, title, advice string) *refusal {
	r := &refusal{status: status, detail: detail, title: title, advice: advice}
	r.json = fmt.Appendf(nil, "{\"detail\":%q}\n", detail)
	r.page = renderPage(title, advice)
	return r
}

func retry(r *refusal, seconds string) *refusal { r.retryAfter = seconds; return r }

func allowing(r *refusal) *refusal { r.allow = true; return r }
