package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

// app is what one run of the program shares among its commands: the streams,
// the environment and the settings that each command has declared.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            environment

	// groups holds the settings of each command, by the command they were
	// registered for, so that they can be checked together.
	groups map[*cobra.Command][]settings

	// begun tells that the command line and the settings were fine and that
	// the command itself is at work.
	begun bool
}

// The groups under which the root help lists the commands.
const (
	groupStart = "start"
	groupNight = "night"
	groupLook  = "look"
	groupTools = "tools"
)

// execute carries out the command named by args.
func (a *app) execute(ctx context.Context, args []string) error {
	root := a.newRootCommand()
	root.SetArgs(append([]string{}, args...)) // For nil it would take the process's own.
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	if err := unknownCommand(root, args); err != nil {
		return err
	}
	return root.ExecuteContext(ctx)
}

// newRootCommand builds the tree of commands. Every command comes from a
// function of its own file, func newXCommand(a *app) *cobra.Command, and
// declares its settings with [app.settings].
func (a *app) newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "nightshift",
		Short:             "Refreshes bank logins through Flinks, every night, each exactly once",
		Long:              rootLong,
		Example:           rootExample,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.begin(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start here:"},
		&cobra.Group{ID: groupNight, Title: "The night:"},
		&cobra.Group{ID: groupLook, Title: "Look and mend:"},
		&cobra.Group{ID: groupTools, Title: "Tools:"},
	)
	root.SetHelpCommand(newHelpCommand(a))
	root.SetCompletionCommandGroupID(groupTools)
	root.AddCommand(commands(a)...)
	return root
}

// commands lists every subcommand.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(a),
		newRunCommand(a),
		newSetupCommand(a),
		newProduceCommand(a),
		newConsumeCommand(a),
		newWebhookCommand(a),
		newRefreshCommand(a),
		newConnectCommand(a),
		newReplayCommand(a),
		newEventsCommand(a),
		newReportCommand(a),
		newStatusCommand(a),
		newLoginsCommand(a),
		newParkedCommand(a),
		newDeadCommand(a),
		newDoctorCommand(a),
		newMFACommand(a),
		newSandboxCommand(a),
		newSettingsCommand(a),
		newVersionCommand(a),
	}
}

// settings declares the groups of settings that cmd understands: their flags
// now, and their environment variables and checks before the command begins.
func (a *app) settings(cmd *cobra.Command, groups ...settings) {
	if a.groups == nil {
		a.groups = make(map[*cobra.Command][]settings)
	}
	a.groups[cmd] = append(a.groups[cmd], groups...)
	for _, g := range groups {
		g.Register(cmd.Flags())
	}
}

// begin fills the settings of cmd from the environment and checks them. A
// command without settings does not look at the environment at all, so that
// help and completion work whatever it holds.
func (a *app) begin(cmd *cobra.Command) error {
	// The library itself asks only after this, when it would no longer count as
	// the command line's fault.
	if err := cmd.ValidateFlagGroups(); err != nil {
		return usageError("%w", err)
	}
	if hasSettings(cmd.Flags()) {
		if err := a.env.unknown(knownVariables(cmd.Root())); err != nil {
			return err
		}
		if err := a.env.apply(cmd.Flags()); err != nil {
			return err
		}
	}
	for _, g := range a.groups[cmd] {
		if c, ok := g.(checked); ok {
			if err := c.check(); err != nil {
				return exit(exitUsage, err)
			}
		}
	}
	a.begun = true
	return nil
}

// logger makes the program's logger, which writes to stderr.
func (a *app) logger(s logSettings) *slog.Logger {
	return a.loggerTo(a.stderr, s)
}

// loggerTo makes a logger that writes to w but looks as one for stderr: for
// instance above the live progress of the terminal that stderr is.
func (a *app) loggerTo(w io.Writer, s logSettings) *slog.Logger {
	return slog.New(newHandler(w, s, isTerminal(a.stderr), a.env.noColor()))
}

// groupCommand makes a command that only holds others, such as "parked" with
// its list, now and cancel.
func groupCommand(use, short, group string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, GroupID: group,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError("%q needs a subcommand: %s", cmd.CommandPath(), strings.Join(subcommands(cmd), ", "))
		},
	}
	cmd.AddCommand(children...)
	return cmd
}

// printf writes an answer of a command to stdout.
func (a *app) printf(format string, args ...any) {
	fmt.Fprintf(a.stdout, format, args...)
}
