package edge

import (
	"errors"
	"fmt"
	"strconv"

	"rawlink/internal/share"
)

// The refusals that the rooms agree on: package-level values, so refusing
// allocates nothing.
var (
	errNotFound     = share.E(share.NotFound, "claim", errors.New("no such share"))
	errNoSuchTarget = share.E(share.NotFound, "admit", errors.New("no such target"))
	errHasBody      = share.E(share.Invalid, "admit", errors.New("request has a body"))
	errNoForm       = share.E(share.Invalid, "admit", errors.New("body is not a form"))
	errBusy         = share.E(share.Overloaded, "admit", errors.New("too many requests at once"))
	errCrowd        = share.E(share.Overloaded, "admit", errors.New("too many requests of one client at once"))
	errConns        = share.E(share.Overloaded, "accept", errors.New("too many connections at once"))
	errExhausted    = share.E(share.Gone, "redeem", errors.New("downloads used up"))
	errMethod       = errors.New("method not allowed")
	errPreview      = errors.New("a preview of a capped link")
)

// refusal is what a client is told when it gets no bytes. It never depends on
// anything that the client should not learn: a forged token, an unknown one, a
// trashed and a purged file can't be told apart.
type refusal struct {
	status     int
	retryAfter string // seconds; "" = trying again won't help
	allow      bool   // names the methods there are
	challenge  bool   // asks for a password
	form       bool   // its page has one
	json, page []byte // both bodies, rendered once
}

// The refusals by kind.
var refusals = map[share.Kind]*refusal{
	share.Invalid: refuse(400, "request not acceptable", drawnWarning, "", "This request can’t be answered",
		"The link may have been changed on its way. Open it again as you received it."),
	share.NotFound: refuse(404, "not found", drawnQuestion, "", "Nothing is shared here",
		"The link may be incomplete, or the file was deleted. Check that you copied all of it, or ask whoever sent it for a new one."),
	share.Gone: refuse(410, "link has ended", drawnBan, "", "This link has ended",
		"Ask whoever sent it for a new one."),
	share.NotReady: notReady,
	share.Overloaded: retry(5, refuse(429, "too many requests", drawnGauge, "wait", "Too many requests at once",
		"The link is fine. Wait a moment, then open it again.")),
	share.Unavailable: retry(5, refuse(503, "temporarily unavailable", drawnCloud, "wait", "Back in a moment",
		"The link is fine, but the file can’t be sent right now. Try again shortly.")),
	share.Internal: refuse(500, "internal error", drawnWarning, "stop", "Something went wrong",
		"The fault is ours. Try again later; if it stays, tell whoever sent you the link."),
	share.Locked: askFor("password required", ""),
}

// The refusals that are not kinds, or say more than theirs.
var (
	notReady = retry(30, refuse(409, "file has not passed its scan", drawnGlass, "wait", "This file is still being checked",
		"It can be opened once its safety scan has passed. Try again in a minute; if it stays like this, tell whoever sent you the link."))
	refusedMethod = allowing(refuse(405, "method not allowed", drawnBan, "", "This method is not allowed",
		"Links can be opened and downloaded, nothing else."))
	refusedPreview = refuse(403, "no previews of this link", drawnBan, "", "This link is not previewed",
		"It can be downloaded a limited number of times, so nothing is fetched before somebody opens it.")
	refusedUnconfirmed = allowing(refusalWith(page{Status: 403, Detail: "this link is opened with POST", Drawing: drawn(drawnFile), Title: "Open this file?",
		Advice: "Programs that check mails and show previews open links, too. This one waits until somebody asks for the file.", Button: "Open the file"}))
	refusedHeader = refuse(431, "request header too large", drawnWarning, "", "This request is too large", "Open the link in a new window.")
	refusedBody   = refuse(413, "request body too large", drawnWarning, "", "This request is too large",
		"Links can be opened and downloaded, nothing else.")
	refusedTimeout = refuse(408, "request took too long", drawnClock, "wait", "This request took too long", "Check your connection and try again.")
	refusedTries   = refuse(429, "too many wrong passwords", drawnLock, "wait", "Too many wrong passwords",
		"Wait a minute, then open the link again. If you are not sure of the password, ask whoever sent you the link.")
)

// unmet are the answers to a request that may be served but not as it was asked for, by
// status. Beside what they say they carry what is good to know of the file.
var unmet = map[int]*refusal{
	412: refuse(412, "the file is not the one that was asked for", drawnWarning, "", "This file has changed",
		"What you have belongs to another version of it. Open the link again from the beginning."),
	416: refuse(416, "no such range of the file", drawnWarning, "", "This part of the file doesn’t exist",
		"Open the link again from the beginning."),
}

// causes are the errors whose refusal says more than their kind's.
var causes = []struct {
	err     error
	refusal *refusal
}{
	{errMethod, refusedMethod},
	{share.ErrRevoked, refuse(410, "link was revoked", drawnBan, "", "This link was withdrawn",
		"Whoever shared the file has ended this link. Ask them for a new one if you still need it.")},
	{share.ErrExpired, refuse(410, "link has expired", drawnClock, "", "This link has expired",
		"It was good for a limited time, and that time is over. Ask whoever sent it for a new one.")},
	{errExhausted, refuse(410, "link is used up", drawnNone, "", "This link is used up",
		"It was downloaded as often as its owner allows. If you didn’t get the file, ask whoever sent you the link for a new one.")},
	{share.ErrInfected, refuse(409, "file failed its scan", drawnShield, "stop", "This file is blocked",
		"Its safety scan found something harmful, so it can’t be opened or downloaded. Tell whoever sent you the link.")},
	{errUnconfirmed, refusedUnconfirmed},
	{errWrongPassword, askFor("wrong password", "That isn’t the password. Check capital letters, then try again.")},
}

// refusalOf returns what to tell the client about an error: the only place where
// an error becomes a status.
func refusalOf(err error) *refusal {
	for i := range causes {
		if errors.Is(err, causes[i].err) {
			return causes[i].refusal
		}
	}
	var limit *throttled
	if errors.As(err, &limit) {
		r := *refusedTries
		r.retryAfter = strconv.FormatInt(limit.Seconds(), 10)
		return &r
	}
	if errors.Is(err, errPreview) {
		return refusedPreview
	}
	if r := refusals[share.KindOf(err)]; r != nil {
		return r
	}
	return refusals[share.Internal]
}

func refuse(status int, detail, drawing, tone, title, advice string) *refusal {
	return refusalWith(page{Status: status, Detail: detail, Drawing: drawn(drawing), Tone: tone, Title: title, Advice: advice})
}

// askFor is the refusal that asks for the share's password.
func askFor(detail, alert string) *refusal {
	p := page{Status: 401, Detail: detail, Drawing: drawn(drawnLock), Title: "This link needs a password", Alert: alert, Password: true, Button: "Open the link",
		Advice: "Whoever sent you the link can tell you the password."}
	if alert != "" {
		p.Tone = "stop"
	}
	r := refusalWith(p)
	r.challenge = true
	return r
}

func refusalWith(p page) *refusal {
	return &refusal{status: p.Status, form: p.Button != "", json: fmt.Appendf(nil, "{\"detail\":%q}\n", p.Detail), page: p.render()}
}

func retry(seconds int, r *refusal) *refusal { r.retryAfter = strconv.Itoa(seconds); return r }

func allowing(r *refusal) *refusal { r.allow = true; return r }
