package settings

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// checkOnly reports whether a program is only to say how it would run.
func checkOnly(ctx *kong.Context) bool {
	for _, flag := range ctx.Flags() {
		if flag.Name == "check-config" {
			return flag.Target.Bool()
		}
	}
	return false
}

// show prints the settings that hold, a line each, as a YAML file would have them.
// Of a secret it says whether there is one.
func show(ctx *kong.Context, out io.Writer) {
	var lines []string
	for _, flag := range ctx.Flags() {
		if flag.Name == "help" || flag.Name == "check-config" || flag.Name == "health" {
			continue
		}
		lines = append(lines, setting(flag.Name)+": "+shown(flag))
	}
	slices.Sort(lines)
	fmt.Fprintln(out, strings.Join(lines, "\n"))
}

func shown(flag *kong.Flag) string {
	switch value := flag.Target.Interface().(type) {
	case Secret:
		if value == "" {
			return `""`
		}
		return value.String()
	case []string:
		return fmt.Sprintf("%q", strings.Join(value, ","))
	case string:
		return fmt.Sprintf("%q", value)
	default:
		return fmt.Sprint(value)
	}
}

// bareSecrets reports secrets that stand on the command line of a program that stays:
// every user of the machine can read it there, for as long as the program runs.
func bareSecrets(ctx *kong.Context, args []string) (problems []error) {
	if !stays(ctx) {
		return nil
	}
	for _, flag := range ctx.Flags() {
		if !isSecret(flag) {
			continue
		}
		for i, arg := range args {
			name, value, joined := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			if name != flag.Name || !strings.HasPrefix(arg, "--") {
				continue
			}
			if !joined && i+1 < len(args) {
				value = args[i+1]
			}
			if !strings.HasPrefix(value, "@") {
				variable, _ := variableOf(flag)
				problems = append(problems, fmt.Errorf("%s: a secret on the command line is there for all to read; set %s or %[2]s_FILE, or name a file: --%s=@FILE", setting(flag.Name), variable, flag.Name))
			}
		}
	}
	return problems
}

// stays reports whether the command is one that runs on: those have Common.
func stays(ctx *kong.Context) bool {
	return slices.ContainsFunc(ctx.Flags(), func(f *kong.Flag) bool { return f.Name == "check-config" && f.Target.Kind() == reflect.Bool })
}
