package settings

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// checkConfig returns the flag that has a program only say how it would run; nil for
// a command that has none. Those that run on have it: it is one of Common's.
func checkConfig(ctx *kong.Context) *kong.Flag {
	for _, flag := range ctx.Flags() {
		if flag.Name == "check-config" {
			return flag
		}
	}
	return nil
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
	if checkConfig(ctx) == nil {
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
