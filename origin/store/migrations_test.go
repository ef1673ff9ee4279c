package store

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// destructive are statements that a program of the version before can't live with,
// which goes on running, and may start again, while the new version is rolled out.
var destructive = map[string]*regexp.Regexp{
	"drops a table":                regexp.MustCompile(`(?i)\bDROP\s+TABLE\b`),
	"drops a column":               regexp.MustCompile(`(?i)\bDROP\s+COLUMN\b`),
	"renames":                      regexp.MustCompile(`(?i)\bRENAME\b`),
	"changes a column":             regexp.MustCompile(`(?i)\bALTER\s+COLUMN\b|\bSET\s+NOT\s+NULL\b`),
	"removes rows":                 regexp.MustCompile(`(?i)\bDELETE\s+FROM\b|\bTRUNCATE\b`),
	"adds a constraint":            regexp.MustCompile(`(?i)\bADD\s+(CONSTRAINT|CHECK|FOREIGN|UNIQUE)\b`),
	"makes rows of others fail":    regexp.MustCompile(`(?i)\bCREATE\s+UNIQUE\s+INDEX\b`),
	"makes an insert lack a value": regexp.MustCompile(`(?i)\bADD\s+COLUMN\b[^;]*\bNOT\s+NULL\b`),
}

// secondStep marks a migration whose first step, since which no program has used what
// goes now, is an earlier version. It names that version.
var secondStep = regexp.MustCompile(`(?m)^-- second step after [0-9]{5}: .+$`)

// problemsOf says what in a migration the version before can't live with.
func problemsOf(text string) (problems []string) {
	up, _, _ := strings.Cut(text, "-- +goose Down")
	if secondStep.MatchString(up) {
		return nil
	}
	made := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?i)\bCREATE\s+TABLE\s+([a-z_]+)`).FindAllStringSubmatch(up, -1) {
		made[match[1]] = true // nobody of the version before uses it
	}
	for _, statement := range strings.Split(withoutComments(up), ";") {
		if on := regexp.MustCompile(`(?i)\b(?:ON|TABLE)\s+([a-z_]+)`).FindStringSubmatch(statement); on != nil && made[on[1]] {
			continue
		}
		for what, pattern := range destructive {
			if what == "makes an insert lack a value" && regexp.MustCompile(`(?i)\bDEFAULT\b`).MatchString(statement) {
				continue
			}
			if pattern.MatchString(statement) {
				problems = append(problems, what+": "+strings.Join(strings.Fields(statement), " "))
			}
		}
	}
	return problems
}

func withoutComments(text string) string {
	return regexp.MustCompile(`--[^\n]*`).ReplaceAllString(text, "")
}

// TestMigrationsKeepTheVersionBefore: a migration adds, and takes nothing away that a
// running program of the version before uses. To take something away takes two
// versions: the first stops using it, the second removes it and says so.
func TestMigrationsKeepTheVersionBefore(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range problemsOf(string(text)) {
			t.Errorf("%s %s; do it in two steps, and begin the second with \"-- second step after 00000: why nobody uses it\"", file, problem)
		}
	}
}

func TestDestructiveMigrationsAreFound(t *testing.T) {
	for text, bad := range map[string]bool{
		"ALTER TABLE shares DROP COLUMN password;":                                     true,
		"alter table shares\n  drop column password;":                                  true,
		"DROP TABLE jobs;":                                                             true,
		"ALTER TABLE shares RENAME COLUMN a TO b;":                                     true,
		"ALTER TABLE shares ADD COLUMN a BIGINT NOT NULL;":                             true,
		"ALTER TABLE shares ADD COLUMN a BIGINT NOT NULL DEFAULT 0;":                   false,
		"ALTER TABLE shares ADD COLUMN a BIGINT;":                                      false,
		"CREATE UNIQUE INDEX one ON shares (a);":                                       true,
		"CREATE TABLE fresh (a TEXT NOT NULL);\nCREATE UNIQUE INDEX one ON fresh (a);": false,
		"DELETE FROM outbox;":                                                          true,
		"-- DROP TABLE jobs;\nCREATE INDEX x ON shares (a);":                           false,
		"DROP INDEX shares_of_file;":                                                   false,
		"-- second step after 00050: read by nobody since\nDROP TABLE jobs;":           false,
		"CREATE INDEX x ON shares (a);\n-- +goose Down\nDROP TABLE jobs;":              false,
	} {
		if problems := problemsOf("-- +goose Up\n" + text); (len(problems) > 0) != bad {
			t.Errorf("%q: %q; want problems: %t", text, problems, bad)
		}
	}
}
