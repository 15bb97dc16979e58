package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"nightshift/flinks"
)

// What Flinks says of how long an address of Connect is good. The shorter of
// two times counts that its pages give for a token.
const (
	tokenLife   = 15 * time.Minute
	sessionLife = 8 * time.Minute // of a session in which the bank has asked, from its question
)

func newConnectCommand(a *app) *cobra.Command {
	var hand handOff
	var resume string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "connect LOGIN",
		Short: "Print the address at which an account holder meets Flinks Connect",
		Long: `Prints an address of Flinks Connect with a fresh token: for a login that ended as
reconnect_required, or, with --resume, to answer the bank of one that ended as
mfa_required. The address is for this account holder alone and good once; it goes
to standard output, and nothing else does.

Connect knows nothing of the login: an account holder who chooses the same bank,
user name and language has the same loginId again. A session in which the bank has
asked dies 8 minutes later, so --resume is for a holder who is there now:
"nightshift refresh LOGIN --live --wait" makes the bank ask. Resume and Reconnect
are features that Flinks switches on.`,
		Example: `  export NIGHTSHIFT_FLINKS_URL=https://toolbox-api.private.fin.ag
  export NIGHTSHIFT_FLINKS_CUSTOMER_ID=CUSTOMER NIGHTSHIFT_FLINKS_SECRET_KEY_FILE=/run/secrets/flinks
  nightshift connect 5e115eac-1209-4f19-641c-08d6d484e2fe --connect-redirect-url https://app.example/linked
  nightshift connect 5e115eac-1209-4f19-641c-08d6d484e2fe --resume 006fd2f3-055b-4ef6-a9fc-c1261cd76ec6 --json`,
		GroupID: groupNight,
		Args:    oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("resume") && resume == "" {
				return usageError("--resume is empty: it takes the requestId of the outcome mfa_required")
			}
			made := now().Truncate(time.Second)
			address, err := hand.address(cmd.Context(), resume)
			if err != nil {
				return err
			}
			return a.printAddress(args[0], resume, address, made.Add(tokenLife), asJSON)
		},
	}
	a.settings(cmd, &hand.flinks, &hand.connect)
	cmd.Flags().StringVar(&resume, "resume", "", "answer the bank in this session: the requestId of the outcome mfa_required")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// printAddress prints the address, and on standard error until when it is good.
func (a *app) printAddress(login, resume string, address Secret, until time.Time, asJSON bool) error {
	if asJSON {
		form := map[string]any{"loginId": login, "url": address.Reveal(), "expires": until}
		if resume != "" {
			form["requestId"] = resume
		}
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false) // the address is there to be copied
		return enc.Encode(form)
	}
	a.printf("%s\n", address.Reveal())
	if resume != "" {
		a.hint("Good once, for %s after the bank has asked (the outcome's requestIdExpires), and until %s at the latest.",
			showSpan(sessionLife), until.Format(time.TimeOnly+" MST"))
		return nil
	}
	a.hint("Good once, until %s (%s). The same bank, user name and language give the login %s again.",
		until.Format(time.TimeOnly+" MST"), showSpan(tokenLife), login)
	return nil
}

// handOff makes the addresses at which an account holder goes on by hand.
type handOff struct {
	flinks  flinksSettings
	connect connectSettings
}

// address mints a token and makes an address with it: of the session resume,
// or of a full one.
func (s *handOff) address(ctx context.Context, resume string) (Secret, error) {
	client, err := s.flinks.client(1)
	if err != nil {
		return "", err
	}
	base := s.connect.URL.Reveal()
	if base == "" {
		if base, err = flinks.ConnectBase(client.BaseURL); err != nil {
			return "", usageError("--connect-url is missing (or %s): it cannot be derived from --flinks-url %s", variable("connect-url"), s.flinks.URL)
		}
	}
	token, err := client.GenerateAuthorizeToken(ctx)
	if err != nil {
		return "", err
	}
	c := flinks.Connect{
		BaseURL: base, RedirectURL: s.connect.RedirectURL.Reveal(),
		Language: s.connect.Language, CustomerName: s.connect.CustomerName,
	}
	if resume != "" {
		return c.Resume(resume, token)
	}
	return c.Reconnect(token)
}
