package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newSettingsCommand lists all settings; "nightshift help settings" shows the
// same.
func newSettingsCommand(a *app) *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:     "settings",
		Short:   "List every setting with its flag, variable and default",
		Long:    settingsLong + "\n" + strings.TrimRight(settingsList(), "\n"),
		GroupID: groupTools,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if markdown {
				a.printf("%s", settingsTable())
				return nil
			}
			a.printf("%s\n", cmd.Long)
			return nil
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the table of the README")
	// Only the maintainers of the README need it.
	_ = cmd.Flags().MarkHidden("markdown")
	return cmd
}

const settingsLong = `Every setting is a flag and an environment variable. A flag beats the
environment, the environment beats the default. An empty variable counts as not
set, one that is no setting at all is an error. What may hold a secret can also
lie in a file that NAME_FILE names, which keeps it out of process lists.
`

// settingsList is the list of all settings for the terminal.
func settingsList() string {
	var b strings.Builder
	allSettings().VisitAll(func(f *pflag.Flag) {
		fmt.Fprintf(&b, "  --%s %s\n      %s%s\n      %s\n",
			f.Name, f.Value.Type(), plainUsage(f), defaultNote(f), variables(f))
	})
	return b.String()
}

// settingsTable is the list of all settings as a Markdown table.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| Flag | Environment | Default | Meaning |\n| --- | --- | --- | --- |\n")
	allSettings().VisitAll(func(f *pflag.Flag) {
		initial := ""
		if f.DefValue != "" {
			initial = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", f.Name,
			strings.ReplaceAll(variables(f), " or ", "` or `"), initial, plainUsage(f))
	})
	return b.String()
}

// plainUsage is the meaning of a setting without the name of its variable.
func plainUsage(f *pflag.Flag) string { return f.Annotations[markSetting][0] }

func variables(f *pflag.Flag) string {
	if mayBeFile(f) {
		return variable(f.Name) + " or " + variable(f.Name) + "_FILE"
	}
	return variable(f.Name)
}

func defaultNote(f *pflag.Flag) string {
	if f.DefValue == "" {
		return ""
	}
	return fmt.Sprintf(" (default %s)", f.DefValue)
}
