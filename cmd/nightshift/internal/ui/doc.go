// Package ui draws what the user of a terminal sees while refreshes run and
// when they are done: a line per outcome, live progress below the lines, and a
// summary.
//
// The one rule it keeps: the same facts everywhere, decoration only where
// somebody watches. Piped output has no control characters and one line per
// event, so that grep and awk can read it; colours and the live area are for
// terminals.
//
//	screen := ui.NewScreen(os.Stdout, ui.StyleOf(os.Stdout, noColor))
//	screen.Start("Refreshing", 1000)
//	screen.Event(ui.Event{Type: "refreshed", LoginID: id})
//	screen.Progress(1, "")
//	screen.Finish()
//	screen.Summary(summary)
package ui
