package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings is a group of settings that several commands share. Register
// declares each of them once; its flag, its environment variable, its default,
// its line in the help and its row in the documentation all come from that.
type settings interface {
	Register(fs *pflag.FlagSet)
}

// checked is a group whose settings must also fit each other.
type checked interface {
	check() error
}

// envPrefix begins the name of every environment variable of ours.
const envPrefix = "NIGHTSHIFT_"

// The marks of a setting among a command's flags.
const (
	markSetting = "nightshift_setting" // The flag is also an environment variable.
	markFile    = "nightshift_file"    // The value may also lie in a file that NAME_FILE names.
)

// form is how the values of a type are written: in a flag, in a variable and
// in the help.
type form[T any] struct {
	kind  string                  // The word for a value in the help, such as "duration".
	parse func(string) (T, error) // The error says what to write instead.
	show  func(T) string
}

// declare makes a setting: a flag of fs named name, which writes to *to, and
// with it the environment variable of [variable].
func declare[T any](fs *pflag.FlagSet, to *T, name string, initial T, f form[T], usage string) {
	explained(fs, to, name, initial, f, usage+" ["+variable(name)+"]")
	flag := fs.Lookup(name)
	flag.Annotations = map[string][]string{markSetting: {usage}}
}

// declareSwitch makes a setting that is off until it is switched on; its flag
// needs no value.
func declareSwitch(fs *pflag.FlagSet, to *bool, name, usage string) {
	declare(fs, to, name, false, onOff(), usage)
	fs.Lookup(name).NoOptDefVal = "true"
}

// explained makes a flag that is no setting, but whose errors are as good.
func explained[T any](fs *pflag.FlagSet, to *T, name string, initial T, f form[T], usage string) {
	*to = initial
	fs.Var(&value[T]{to: to, form: f}, name, usage)
}

// declareFile makes a setting that may hold a secret, and may therefore also
// be given as a file.
func declareFile[T any](fs *pflag.FlagSet, to *T, name string, initial T, f form[T], usage string) {
	declare(fs, to, name, initial, f, usage)
	flag := fs.Lookup(name)
	flag.Annotations[markFile] = []string{"true"}
	flag.Usage = usage + " [" + variable(name) + " or …_FILE]"
}

// value is the flag package's view of a setting.
type value[T any] struct {
	to   *T
	form form[T]
}

func (v *value[T]) Set(text string) error {
	parsed, err := v.form.parse(text)
	if err != nil {
		return err
	}
	*v.to = parsed
	return nil
}

func (v *value[T]) String() string { return v.form.show(*v.to) }
func (v *value[T]) Type() string   { return v.form.kind }

// explains marks the flag's errors as fit to be shown as they are.
func (v *value[T]) explains() {}

// variable returns the name of a setting's environment variable.
func variable(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func isSetting(f *pflag.Flag) bool { return f.Annotations[markSetting] != nil }
func mayBeFile(f *pflag.Flag) bool { return f.Annotations[markFile] != nil }

func hasSettings(fs *pflag.FlagSet) bool {
	found := false
	fs.VisitAll(func(f *pflag.Flag) { found = found || isSetting(f) })
	return found
}

// knownVariables lists every environment variable that is a setting of any
// command, so that one environment can serve them all.
func knownVariables(root *cobra.Command) []string {
	var known []string
	add := func(f *pflag.Flag) {
		if isSetting(f) {
			known = append(known, variable(f.Name))
		}
		if mayBeFile(f) {
			known = append(known, variable(f.Name)+"_FILE")
		}
	}
	allSettings().VisitAll(add)
	walk(root, func(cmd *cobra.Command) { cmd.LocalFlags().VisitAll(add) })
	return known
}

// walk calls visit with cmd and every command below it.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}
