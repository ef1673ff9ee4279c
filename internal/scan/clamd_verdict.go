package scan

import (
	"fmt"
	"strings"

	"rawlink/internal/share"
)

// parseVerdict reads clamd's reply to INSTREAM, NUL removed. Known forms:
//
//	stream: OK
//	stream: Some.Signature FOUND
//	stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND   (with AlertExceedsMax)
//	INSTREAM size limit exceeded. ERROR                    (over StreamMaxLength)
//	anything else ERROR
//
// The two about limits mean that clamd did not look, so they are Invalid, not
// infected. Only the first form, to the letter, is clean.
func parseVerdict(reply string) (Verdict, error) {
	if reply == "stream: OK" {
		return clean, nil
	}
	if reply == "INSTREAM size limit exceeded. ERROR" {
		return Verdict{}, share.E(share.Invalid, "clamd: content is over StreamMaxLength", nil)
	}
	found, prefixed := strings.CutPrefix(reply, "stream: ")
	signature, suffixed := strings.CutSuffix(found, " FOUND")
	switch {
	case !prefixed || !suffixed || signature == "":
		return Verdict{}, share.E(share.Unavailable, fmt.Sprintf("clamd: no verdict: %q", printable(reply)), nil)
	case strings.HasPrefix(signature, "Heuristics.Limits.Exceeded"):
		return Verdict{}, share.E(share.Invalid, "clamd: content is over a limit: "+printable(signature), nil)
	}
	return infected(printable(signature)), nil
}

// printable makes text from another process fit to store and show: printable
// ASCII, at most 200 characters.
func printable(text string) string {
	const limit = 200
	if len(text) > limit {
		text = text[:limit]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
