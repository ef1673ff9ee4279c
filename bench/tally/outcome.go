package tally

import "strconv"

// Outcome is how a request ended. A fast refusal says nothing about how fast the
// bytes come, so each outcome has a histogram of its own.
type Outcome uint8

// The outcomes.
const (
	Hit           Outcome = iota // 200, bytes from a cache of the edge
	Miss                         // 200, bytes from behind the edge
	Done                         // 2xx of the control plane
	Partial                      // 206
	NotModified                  // 304
	BadRequest                   // 400 and other 4xx without a row of their own
	NotFound                     // 404
	NotClean                     // 409
	Gone                         // 410
	Unmet                        // 412
	Unsatisfiable                // 416
	Limited                      // 429
	Unavailable                  // 503
	ServerError                  // other 5xx
	Unexpected                   // any other status
	Broken                       // no answer, or a body that broke off
	Left                         // the client left on purpose
	Slow                         // the client read slowly on purpose, to the end
	Outcomes                     // how many there are
)

var names = [Outcomes]string{
	"hit", "miss", "done", "206", "304", "4xx", "404", "409", "410", "412", "416", "429", "503", "5xx", "other", "broken", "left", "slow",
}

// String returns the outcome's name in reports.
func (o Outcome) String() string {
	if o < Outcomes {
		return names[o]
	}
	return "outcome " + strconv.Itoa(int(o))
}

// OfStatus returns the outcome of a status. A 200 counts as hit; the caller knows
// better where the answer says so.
func OfStatus(status int) Outcome {
	switch status {
	case 200:
		return Hit
	case 206:
		return Partial
	case 304:
		return NotModified
	case 404:
		return NotFound
	case 409:
		return NotClean
	case 410:
		return Gone
	case 412:
		return Unmet
	case 416:
		return Unsatisfiable
	case 429:
		return Limited
	case 503:
		return Unavailable
	}
	switch status / 100 {
	case 4:
		return BadRequest
	case 5:
		return ServerError
	}
	return Unexpected
}
