package main

import (
	_ "embed"
	"io"
	"text/template"

	"rawlink/cmd/internal/settings"
)

//go:embed welcome.txt
var welcomeText string

// welcome prints where everything is, and a session to paste.
func welcome(out io.Writer, c *settings.UpProgram, key, scanner string) {
	page := template.Must(template.New("welcome").Parse(welcomeText))
	_ = page.Execute(out, map[string]any{ // a closed stdout is no reason to stop serving
		"Console": c.Console, "API": c.APIURL, "Files": c.FilesURL, "Ops": "http://" + c.OpsAddr, "Data": c.Data, "Key": key, "Scanner": scanner,
	})
}
