package main

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"rawlink/cmd/internal/settings"
)

// TestVariablesOfHelpAreTaken sets every variable that the help of a command names,
// and wants each to be one that may be set.
func TestVariablesOfHelpAreTaken(t *testing.T) {
	commands := []string{"up --check-config", "admin tenant list", "admin tenant limit id", "admin key create", "admin explain link", "admin audit", "admin webhooks list", "admin backup dir", "admin token-key list"}
	named := map[string]bool{}
	for _, command := range commands {
		var help bytes.Buffer
		if err := run(t.Context(), append(strings.Fields(command), "--help"), &help, io.Discard); !errors.Is(err, settings.ErrHelp) {
			t.Fatalf("%s --help: %v", command, err)
		}
		for _, variable := range regexp.MustCompile(`\$(RAWLINK_[A-Z0-9_]+)`).FindAllStringSubmatch(help.String(), -1) {
			named[variable[1]] = true
		}
	}
	if !named["RAWLINK_DATABASE_URL"] || !named["RAWLINK_API_ADDR"] {
		t.Errorf("named: %v; want the settings among them", named)
	}
	for name := range named {
		if name != "RAWLINK_CONFIG" {
			t.Setenv(name, "nothing")
		}
	}
	for _, command := range commands {
		err := run(t.Context(), strings.Fields(command), io.Discard, io.Discard)
		if err == nil || strings.Contains(err.Error(), "no setting has this variable") {
			t.Errorf("%s: %v; want all variables to be known", command, err)
		}
	}
}
