package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// fileFlags is a YAML file: flags by their names, with - or _.
type fileFlags map[string]any

// Validate is there for kong.
func (fileFlags) Validate(*kong.Application) error { return nil }

// Resolve finds a flag's value in the file.
func (s fileFlags) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	return s[flag.Name], nil
}

// readFile reads the file that --config or BENCH_CONFIG names, before anything
// else is parsed, since it is itself a source of flags.
func readFile(args []string) (fileFlags, error) {
	path := os.Getenv("BENCH_CONFIG")
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--config="); ok {
			path = value
		} else if arg == "--config" && i+1 < len(args) {
			path = args[i+1]
		}
	}
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("config: %s is not YAML: %w", path, err)
	}
	flat := fileFlags{}
	for key, value := range tree {
		name := strings.ReplaceAll(key, "_", "-")
		if list, ok := value.([]any); ok {
			texts := make([]string, len(list))
			for i, one := range list {
				texts[i] = fmt.Sprint(one)
			}
			value = strings.Join(texts, ",")
		}
		flat[name] = fmt.Sprint(value)
	}
	return flat, nil
}

// unknown reports keys that are no flag of any command: most are typing errors.
func (s fileFlags) unknown(parser *kong.Kong) error {
	known := map[string]bool{}
	nodes := []*kong.Node{parser.Model.Node}
	for len(nodes) > 0 {
		for _, flag := range nodes[0].Flags {
			known[flag.Name] = true
		}
		nodes = append(nodes[1:], nodes[0].Children...)
	}
	var problems []error
	for key := range s {
		if !known[key] {
			problems = append(problems, fmt.Errorf("config: no flag is named %q", key))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}
