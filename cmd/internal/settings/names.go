package settings

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// names are those of all settings of all programs.
func names() (map[string]bool, error) {
	known := map[string]bool{}
	parser, err := kong.New(&every{}, append(collect(new([]error)), kong.Vars{"ops_addr": ""})...)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	for _, flag := range parser.Model.Flags {
		known[setting(flag.Name)] = true
		if isSecret(flag) {
			known[setting(flag.Name)+"_file"] = true
		}
	}
	return known, nil
}

// withoutVariables takes the variables from flags that are no settings: they say what
// one command is to do, and nobody means that for all that follow.
func withoutVariables(known map[string]bool) kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			if flag, ok := node.(*kong.Flag); ok && !known[setting(flag.Name)] {
				flag.Envs, flag.Tag.Envs = nil, nil
			}
			return next(nil)
		})
	})
}

// unknownNames reports variables and keys that no program has: most are typing
// errors, and a setting that silently does nothing is worse than a stop.
func unknownNames(f file, known map[string]bool) []error {
	var problems []error
	for key := range f {
		if !known[key] {
			problems = append(problems, fmt.Errorf("config: no setting is named %q", key))
		}
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if key, ours := strings.CutPrefix(name, envPrefix+"_"); ours && !known[strings.ToLower(key)] {
			problems = append(problems, fmt.Errorf("%s: no setting has this variable", name))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}
