package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionInfo tells which program this is, as "version --json" prints it.
type versionInfo struct {
	Version  string `json:"version"`          // "(devel)" when built without version control.
	Commit   string `json:"commit,omitempty"` // The full hash.
	Time     string `json:"time,omitempty"`   // Of the commit, RFC 3339.
	Modified bool   `json:"modified"`         // Built from files that differ from the commit.
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Tell which version this is",
		GroupID: groupTools,
		Args:    noArgs,
		Example: "  nightshift version --json",
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			v := versionOf(info)
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(v)
			}
			a.printf("%s\n", v)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// versionOf reads what the Go tool has written into the program. A nil info,
// from a program that was built by other means, gives what is known anyway.
func versionOf(info *debug.BuildInfo) versionInfo {
	v := versionInfo{
		Version:  "(devel)",
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info == nil {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v versionInfo) String() string {
	s := "nightshift " + v.Version
	if v.Commit != "" {
		s += fmt.Sprintf(", commit %.12s of %s", v.Commit, v.Time)
	}
	if v.Modified {
		s += ", modified"
	}
	return s + fmt.Sprintf(", %s, %s", v.Go, v.Platform)
}
