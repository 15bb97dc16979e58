package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownCommand looks for a word in the place of a command that is none, and
// says so with the nearest one that exists. It runs before the flags are
// parsed, because the flags of a command that does not exist are unknown too
// and would be blamed instead.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil
	}
	cmd, rest, _ := root.Find(args)
	if !cmd.HasAvailableSubCommands() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil
	}
	return usageError("unknown command %q for %q: %s", rest[0], cmd.CommandPath(),
		hint(nearest(rest[0], subcommands(cmd)), fmt.Sprintf("%s --help", cmd.CommandPath())))
}

// subcommands lists the names of the commands right below cmd.
func subcommands(cmd *cobra.Command) []string {
	var all []string
	for _, c := range cmd.Commands() {
		if listed(c) {
			all = append(all, c.Name())
		}
	}
	return all
}

// noArgs refuses anything but flags after a command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError("%q takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// flagError turns the flag package's complaint into one clear message. What a
// setting says about a value of its own is passed on; the flag package's own
// wording is not, because it repeats the value, which may be a secret.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(cmd, unknown)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && explains(invalid.GetFlag()) {
		return usageError("--%s: %w", invalid.GetFlag().Name, errors.Unwrap(invalid))
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usageError("--%s needs a value", missing.GetFlag().Name)
	}
	return usageError("%w", err)
}

// explains tells that a flag's errors are our own words.
func explains(f *pflag.Flag) bool {
	_, ok := f.Value.(interface{ explains() })
	return ok
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	name := err.GetSpecifiedName()
	if err.GetSpecifiedShortnames() != "" {
		return usageError("unknown flag -%s for %q: see %q", name, cmd.CommandPath(), cmd.CommandPath()+" --help")
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, "--"+f.Name)
		}
	})
	return usageError("unknown flag --%s for %q: %s", name, cmd.CommandPath(),
		hint(nearest("--"+name, known), cmd.CommandPath()+" --help"))
}

// hint is the end of a message about something unknown: the nearest that is
// known, else where all are listed.
func hint(near, list string) string {
	if near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return fmt.Sprintf("see %q", list)
}

// nearest returns the candidate that takes the fewest edits to reach from
// word, or "" if none is near: an advice that is far off is worse than none.
func nearest(word string, candidates []string) string {
	best, least := "", max(2, len(word)/4)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the single-byte insertions, deletions and replacements that
// turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
