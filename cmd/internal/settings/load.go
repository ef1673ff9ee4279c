package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// envPrefix begins every variable.
const envPrefix = "RAWLINK"

// checker is a set of settings that can say what is wrong with it.
type checker interface{ Problems() []error }

// Load fills cli from arguments, environment and file. opsAddr is the default of
// the ops listener. Asking for help prints it to out and ends with ErrHelp.
// The returned context knows the command that was chosen.
func Load(cli any, name, about, opsAddr string, args []string, out io.Writer) (*kong.Context, error) {
	var problems []error
	file, err := readFile(args)
	if err != nil {
		return nil, err
	}
	known, err := names()
	if err != nil {
		return nil, err
	}
	helped := false
	options := append(collect(&problems),
		kong.Name(name), kong.Description(about), kong.Vars{"ops_addr": opsAddr},
		kong.DefaultEnvars(envPrefix), withoutVariables(known), kong.Resolvers(file), kong.Writers(out, out),
		kong.Exit(func(int) { helped = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
	)
	parser, err := kong.New(cli, options...)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	ctx, err := parser.Parse(args)
	if helped {
		return nil, ErrHelp
	}
	if err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, unknownNames(file, known)...)
	if ctx != nil && err == nil {
		problems = append(problems, unsaid(checkChosen(ctx, cli), problems)...)
		problems = append(problems, bareSecrets(ctx, args)...)
		if flag := checkConfig(ctx); flag != nil && flag.Target.Bool() {
			show(ctx, out)
			if len(problems) == 0 {
				return nil, ErrHelp
			}
		}
	}
	return ctx, errors.Join(problems...)
}

// unsaid leaves out problems of settings that others were said of: what could not be
// read has no value to judge.
func unsaid(problems, before []error) []error {
	name := func(problem error) string {
		name, _, _ := strings.Cut(problem.Error(), ":")
		return name
	}
	return slices.DeleteFunc(problems, func(problem error) bool {
		return slices.ContainsFunc(before, func(said error) bool { return name(said) == name(problem) })
	})
}

// ErrHelp says that help was asked for and given.
var ErrHelp = errors.New("help was shown")

// checkChosen asks the settings of the chosen command, or of a program without
// commands, what is wrong with them.
func checkChosen(ctx *kong.Context, cli any) []error {
	if c, ok := cli.(checker); ok {
		return c.Problems()
	}
	if node := ctx.Selected(); node != nil && node.Target.CanAddr() {
		if c, ok := node.Target.Addr().Interface().(checker); ok {
			return c.Problems()
		}
	}
	return nil
}

// file is a YAML file, flattened: edge: {max_stale: 5s} is edge_max_stale.
type file map[string]any

// Validate is there for kong.
func (file) Validate(*kong.Application) error { return nil }

// Resolve finds a flag's value in the file that a variable names, if it is a secret,
// or in this one; a variable of the setting's own goes before either.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := setting(flag.Name)
	variable, given := variableOf(flag)
	if isSecret(flag) {
		path, named := os.LookupEnv(variable + "_FILE")
		switch {
		case named && given:
			return nil, fmt.Errorf("%s and %[1]s_FILE are both set; choose one", variable)
		case named:
			return "@" + path, nil
		}
		if path, named := f[name+"_file"]; named && !given {
			return fmt.Sprint("@", path), nil
		}
	}
	if given {
		return nil, nil
	}
	return f[name], nil
}

// variableOf returns the name of a setting's variable, and whether it is set.
func variableOf(flag *kong.Flag) (name string, given bool) {
	for _, name = range flag.Envs {
		_, given = os.LookupEnv(name)
	}
	return name, given
}

func isSecret(flag *kong.Flag) bool { return flag.Target.Type() == reflect.TypeFor[Secret]() }

// readFile reads the file that --config or RAWLINK_CONFIG names, before anything
// else is parsed, since it is itself a source of settings.
func readFile(args []string) (file, error) {
	path := os.Getenv(envPrefix + "_CONFIG")
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--config="); ok {
			path = value
		} else if arg == "--config" && i+1 < len(args) {
			path = args[i+1]
		}
	}
	if path == "" {
		return file{}, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("config: %s is not YAML: %w", path, err)
	}
	flat := file{}
	flatten(flat, "", tree)
	return flat, nil
}

func flatten(into file, prefix string, tree map[string]any) {
	for key, value := range tree {
		name := setting(prefix + key)
		switch value := value.(type) {
		case map[string]any:
			flatten(into, name+"_", value)
		case []any:
			texts := make([]string, len(value))
			for i, one := range value {
				texts[i] = fmt.Sprint(one)
			}
			into[name] = strings.Join(texts, ",")
		case nil:
		default:
			into[name] = fmt.Sprint(value)
		}
	}
}
