package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"nightshift/producer/event"
)

func newSetupCommand(a *app) *cobra.Command {
	var s storeSettings
	var logs logSettings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Create the streams, consumers and the object store, or check them",
		Long: `Creates what Nightshift needs in JetStream. What is there already is checked: a
part with other settings is left as it is and named in the error. The other
commands do the same when they start, so this one is for whoever wants to do it
first, with rights that the others need not have.`,
		Example: `  nightshift setup --nats-url nats://nats:4222 --replicas 3`,
		GroupID: groupStart,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := s.open(cmd.Context(), a.logger(logs), false)
			if err != nil {
				return err
			}
			defer st.Close()
			var consumers []string
			for _, lane := range event.Lanes {
				consumers = append(consumers, lane.Durable())
			}
			consumers = append(consumers, event.DurablePushes)
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]any{
					"streams": event.Streams, "consumers": consumers, "objectStore": event.BucketAccounts,
				})
			}
			for _, name := range event.Streams {
				a.printf("stream        %s\n", name)
			}
			for _, name := range consumers {
				a.printf("consumer      %s\n", name)
			}
			a.printf("object store  %s\n", event.BucketAccounts)
			return nil
		},
	}
	a.settings(cmd, &s, &logs)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
