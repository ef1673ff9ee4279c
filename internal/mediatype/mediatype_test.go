package mediatype

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rawlink/internal/share"
)

var row = regexp.MustCompile("(?m)^\\| `([a-z]+/)` \\| ([^|]+) \\|$")

// The page on links lists the types that are shown: these and no others.
func TestPageListsWhatIsShown(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "raw-links.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		for kind := range strings.SplitSeq(match[2], ", ") {
			listed = append(listed, match[1]+kind)
			if _, disposition := ShowAs(match[1]+kind, share.View); disposition != "inline" {
				t.Errorf("%s is listed; it is saved", match[1]+kind)
			}
		}
	}
	shown := slices.Sorted(maps.Keys(inlineTypes))
	for _, kind := range append(shown, slices.Sorted(maps.Keys(textTypes))...) {
		if !slices.Contains(listed, kind) {
			t.Errorf("%s is shown; it isn't listed", kind)
		}
	}
}
