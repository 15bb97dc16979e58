package main

import "github.com/spf13/cobra"

// confirmFlags are those of a command that changes what an operator has
// selected: on a terminal it only shows what it would do, until --yes is given;
// a script has thought about it before.
type confirmFlags struct{ dryRun, yes bool }

func (f *confirmFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only show what would be done; the default on a terminal")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do it, on a terminal too")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "yes")
}

// only reports whether nothing may be changed.
func (f *confirmFlags) only(a *app) bool {
	return f.dryRun || !f.yes && isTerminal(a.stdout)
}
