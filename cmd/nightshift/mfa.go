package main

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightshift/flinks"
)

func newMFACommand(a *app) *cobra.Command {
	cmd := groupCommand("mfa", "Store answers to security questions at Flinks (Enhanced MFA, deprecated)", groupTools,
		newMFAQuestionsCommand(a), newMFAAnswerCommand(a))
	cmd.Long = `Flinks can answer a bank's security questions with answers that it has stored:
Enhanced MFA. It has deprecated that, so these commands work only with
--enhanced-mfa. Let account holders answer in Flinks Connect instead: see
"nightshift connect --help".`
	cmd.Example = `  export NIGHTSHIFT_ENHANCED_MFA=true
  nightshift mfa questions LOGIN --json > answers.ndjson    # write an answer into each line, then:
  nightshift mfa answer LOGIN --answers answers.ndjson && rm answers.ndjson`
	return cmd
}

// mfaSettings switch a feature on that Flinks has deprecated.
type mfaSettings struct {
	Enhanced bool
}

func (s *mfaSettings) Register(fs *pflag.FlagSet) {
	declareSwitch(fs, &s.Enhanced, "enhanced-mfa",
		"allow stored answers to security questions, which Flinks has deprecated")
}

// allowed refuses while the feature is off.
func (s *mfaSettings) allowed() error {
	if s.Enhanced {
		return nil
	}
	return usageError("Flinks has deprecated stored answers: let the account holder answer in Flinks Connect "+
		"(%q); if your customer still has Enhanced MFA, switch it on with --enhanced-mfa (or %s=true)",
		"nightshift connect LOGIN --resume REQUEST_ID", variable("enhanced-mfa"))
}

// mfaQuestion is a line of "mfa questions --json", and of a file of answers.
type mfaQuestion struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

func newMFAQuestionsCommand(a *app) *cobra.Command {
	var f flinksSettings
	var mfa mfaSettings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "questions LOGIN",
		Short: "List the security questions that a login's bank may ask",
		Long: `Lists the questions of the login's bank, as it words them. With --json each is a
line to write the answer into, for "nightshift mfa answer".`,
		Example: `  nightshift mfa questions 5e115eac-1209-4f19-641c-08d6d484e2fe --enhanced-mfa
  nightshift mfa questions 5e115eac-1209-4f19-641c-08d6d484e2fe --enhanced-mfa --json > answers.ndjson`,
		Args: oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := mfa.allowed(); err != nil {
				return err
			}
			client, err := f.client(1)
			if err != nil {
				return err
			}
			questions, err := client.GetMFAQuestions(cmd.Context(), args[0]) //nolint:staticcheck // asked for with --enhanced-mfa
			if err != nil {
				return err
			}
			if len(questions) == 0 {
				a.hint("Flinks knows of no security question of %s.", args[0])
			}
			return a.printQuestions(questions, asJSON)
		},
	}
	a.settings(cmd, &mfa, &f)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each question as one line of JSON, with an empty answer")
	return cmd
}

func (a *app) printQuestions(questions []string, asJSON bool) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false) // the bank's wording counts
	for _, q := range questions {
		if !asJSON {
			a.printf("%s\n", q)
		} else if err := enc.Encode(mfaQuestion{Question: q}); err != nil {
			return err
		}
	}
	return nil
}

func newMFAAnswerCommand(a *app) *cobra.Command {
	var f flinksSettings
	var mfa mfaSettings
	var file string
	cmd := &cobra.Command{
		Use:   "answer LOGIN --answers FILE",
		Short: "Store answers to a login's security questions at Flinks",
		Long: `Sends answers to Flinks, which gives them to the bank from then on. They come from
a file or from standard input, and are never shown: lines of JSON such as
{"question":"…","answer":"…"}, or one JSON object from question to answer. The
wording of a question must be the bank's own: see "nightshift mfa questions".`,
		Example: `  nightshift mfa answer 5e115eac-1209-4f19-641c-08d6d484e2fe --enhanced-mfa --answers answers.ndjson
  vault kv get -field=answers secret/mfa | nightshift mfa answer 5e115eac-1209-4f19-641c-08d6d484e2fe --enhanced-mfa --answers -`,
		Args: oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := mfa.allowed(); err != nil {
				return err
			}
			client, err := f.client(1)
			if err != nil {
				return err
			}
			answers, err := a.answers(file)
			if err != nil {
				return err
			}
			return a.answerQuestions(cmd.Context(), client, args[0], answers)
		},
	}
	a.settings(cmd, &mfa, &f)
	cmd.Flags().StringVar(&file, "answers", "", "the answers, in JSON; - is standard input")
	_ = cmd.MarkFlagFilename("answers", "json", "ndjson", "jsonl")
	return cmd
}

func (a *app) answerQuestions(ctx context.Context, client *flinks.Client, login string, answers []flinks.MFAQuestion) error {
	if err := client.AnswerMFAQuestions(ctx, login, answers); err != nil { //nolint:staticcheck // asked for with --enhanced-mfa
		return err
	}
	a.printf("%s stored for %s\n", counted(len(answers), "answer", "answers"), login)
	return nil
}

// answers reads the file of answers.
func (a *app) answers(file string) ([]flinks.MFAQuestion, error) {
	var from io.Reader
	switch file {
	case "":
		return nil, usageError("--answers is missing: a file with the answers, or - for standard input")
	case "-":
		from = a.stdin
	default:
		f, err := os.Open(file)
		if err != nil {
			return nil, usageError("--answers: %w", err)
		}
		defer f.Close()
		from = f
	}
	answers, err := decodeAnswers(from)
	if err != nil {
		return nil, usageError("--answers: %w", err)
	}
	return answers, nil
}
