package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// environment is the process's environment as "NAME=value" lines, given to
// the program so that nothing in it reads the real one.
type environment []string

// get returns the value of a variable; an empty value counts as none, because
// that is what "${NAME:-}" in a compose file leaves behind.
func (e environment) get(name string) string {
	// The last one wins, as with the process's own environment.
	for _, line := range slices.Backward(e) {
		if key, val, _ := strings.Cut(line, "="); key == name {
			return val
		}
	}
	return ""
}

// noColor tells that the user wants no colours, by the convention of
// no-color.org or by a terminal that cannot show them.
func (e environment) noColor() bool {
	return e.get("NO_COLOR") != "" || e.get("TERM") == "dumb"
}

// serviceLink matches the variables that Kubernetes puts into every pod for a
// service whose name begins with "nightshift". They are no settings of ours
// and no typing errors either.
var serviceLink = regexp.MustCompile(
	`^` + envPrefix + `(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// unknown complains about a variable that looks like a setting but is none:
// a setting that is misspelt would else be silently at its default.
func (e environment) unknown(known []string) error {
	set := make(map[string]bool, len(known))
	for _, k := range known {
		set[k] = true
	}
	for _, line := range e {
		name, _, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, envPrefix) || set[name] || serviceLink.MatchString(name) {
			continue
		}
		return usageError("unknown environment variable %s: %s", name,
			hint(nearest(name, known), "nightshift settings"))
	}
	return nil
}

// apply fills the settings among the flags from the environment. A flag that
// was given on the command line keeps its value.
func (e environment) apply(fs *pflag.FlagSet) error {
	var first error
	fs.VisitAll(func(f *pflag.Flag) {
		if first == nil && isSetting(f) && !f.Changed {
			first = e.applyOne(f)
		}
	})
	return first
}

func (e environment) applyOne(f *pflag.Flag) error {
	source := variable(f.Name)
	text := e.get(source)
	if file := e.get(source + "_FILE"); mayBeFile(f) && file != "" {
		if text != "" {
			return usageError("%s and %s_FILE are both set: keep one of them", source, source)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return usageError("%s_FILE: %w", source, err)
		}
		source += "_FILE"
		if text = strings.TrimSpace(string(content)); text == "" {
			return usageError("%s: the file %s is empty", source, file)
		}
	}
	if text == "" {
		return nil
	}
	// The value itself is asked, not the flag set, whose message would
	// repeat a secret.
	if err := f.Value.Set(text); err != nil {
		return usageError("%s: %w", source, err)
	}
	f.Changed = true
	return nil
}
