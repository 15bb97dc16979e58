package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newHelpCommand makes "nightshift help parked list" the same as "nightshift
// parked list --help".
func newHelpCommand(*app) *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "Help about any command",
		GroupID: groupTools,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := unknownCommand(cmd.Root(), args); err != nil {
				return err
			}
			target, _, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			return target.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			target, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return subcommands(target), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// help prints the page of one command: what it does, how it is called, worked
// examples, and its flags, of which the settings come last with the names of
// their variables.
func (a *app) help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", strings.TrimSpace(long), useLine(cmd))
	printCommands(w, cmd)
	flags, settings := splitFlags(cmd)
	printFlags(w, "Flags:", flags)
	printFlags(w, "Settings:", settings)
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	if !cmd.HasParent() {
		fmt.Fprintf(w, "\n%s", exitCodes)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n\"%s COMMAND --help\" tells more about a command.\n", cmd.CommandPath())
	}
}

func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND [flags]"
	}
	return cmd.UseLine()
}

// printCommands lists the subcommands, by group where there are groups.
func printCommands(w io.Writer, cmd *cobra.Command) {
	width := 0
	for _, c := range cmd.Commands() {
		if listed(c) {
			width = max(width, len(c.Name()))
		}
	}
	section := func(title, group string) {
		for _, c := range cmd.Commands() {
			home := c.GroupID
			if !cmd.ContainsGroup(home) {
				home = ""
			}
			if !listed(c) || home != group {
				continue
			}
			if title != "" {
				fmt.Fprintf(w, "\n%s\n", title)
				title = ""
			}
			fmt.Fprintf(w, "  %-*s  %s\n", width, c.Name(), c.Short)
		}
	}
	for _, g := range cmd.Groups() {
		section(g.Title, g.ID)
	}
	section("Commands:", "")
}

func listed(c *cobra.Command) bool { return c.IsAvailableCommand() || c.Name() == "help" }

func splitFlags(cmd *cobra.Command) (flags, settings *pflag.FlagSet) {
	flags = pflag.NewFlagSet("flags", pflag.ContinueOnError)
	settings = pflag.NewFlagSet("settings", pflag.ContinueOnError)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if isSetting(f) {
			settings.AddFlag(f)
		} else {
			flags.AddFlag(f)
		}
	})
	return flags, settings
}

// helpWidth is where the texts of flags wrap; it suits any terminal and a page
// that is read in a file.
const helpWidth = 100

func printFlags(w io.Writer, title string, fs *pflag.FlagSet) {
	if fs.HasAvailableFlags() {
		fmt.Fprintf(w, "\n%s\n%s", title, fs.FlagUsagesWrapped(helpWidth))
	}
}
