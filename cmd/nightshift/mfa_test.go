package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
)

func TestMFA(t *testing.T) {
	t.Parallel()
	b := newBank(t, population{})
	questions := []flinkstest.Challenge{{Prompt: "What city were you born in?", Answer: "Montreal"}, {Prompt: "Best <shape>?", Answer: "hush-Triangle"}}
	b.sim.Add(flinkstest.Login{ID: "ann", Username: "ann", Institution: "FlinksCapital", InstitutionID: 14,
		LastRefresh: time.Now(), Accounts: 1, Live: []flinkstest.Answer{{Challenge: questions}}})
	environ := b.environ("NIGHTSHIFT_ENHANCED_MFA=true")
	stores, _ := servers(t)

	t.Run("while it is off it refuses, and says what to do instead", func(t *testing.T) {
		for _, args := range [][]string{{"questions", "ann"}, {"answer", "ann", "--answers", "-"}} {
			equal(t, result{Code: exitUsage, Stderr: "nightshift: Flinks has deprecated stored answers: let the account holder answer in Flinks Connect " +
				"(\"nightshift connect LOGIN --resume REQUEST_ID\"); if your customer still has Enhanced MFA, switch it on with --enhanced-mfa " +
				"(or NIGHTSHIFT_ENHANCED_MFA=true)\n"}, run(t, b.environ(), append([]string{"mfa"}, args...)...))
		}
		equal(t, 0, b.sim.Stats().Calls["GetMFAQuestions"]+b.sim.Stats().Calls["AnswerMFAQuestions"])
	})
	t.Run("questions are listed as the bank words them", func(t *testing.T) {
		equal(t, result{Stdout: "What city were you born in?\nBest <shape>?\n"}, run(t, environ, "mfa", "questions", "ann"))
		equal(t, result{Stdout: `{"question":"What city were you born in?","answer":""}` + "\n" + `{"question":"Best <shape>?","answer":""}` + "\n"},
			run(t, environ, "mfa", "questions", "ann", "--json"))
	})
	t.Run("where there is none it says so", func(t *testing.T) {
		b.sim.Add(flinkstest.Login{ID: "bob", Username: "bob"})
		equal(t, result{Stderr: "Flinks knows of no security question of bob.\n"}, run(t, environ, "mfa", "questions", "bob"))
	})
	t.Run("answers that are stored let the login through", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "answers.ndjson")
		lines := run(t, environ, "mfa", "questions", "ann", "--json").Stdout
		lines = strings.Replace(lines, `""`, `"Montreal"`, 1)
		lines = strings.Replace(lines, `""`, `"hush-Triangle"`, 1)
		if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		equal(t, result{Stdout: "2 answers stored for ann\n"}, run(t, environ, "mfa", "answer", "ann", "--answers", file))
		worker := start(t, append(environ, stores...), "", "consume")
		r := run(t, stores, "refresh", "ann", "--live", "--wait")
		if !strings.Contains(r.Stdout, "live_refresh") {
			t.Errorf("%s%s", r.Stdout, r.Stderr)
		}
		worker.stop()
	})
	t.Run("they may come from standard input", func(t *testing.T) {
		r := start(t, environ, `{"Best <shape>?":"hush-Triangle"}`, "mfa", "answer", "ann", "--answers", "-").result()
		equal(t, result{Stdout: "1 answer stored for ann\n"}, r)
	})
	for _, tc := range []struct {
		rule, stdin, want string
		code              int
		args              []string
	}{
		{"no file", "", "--answers is missing: a file with the answers, or - for standard input", exitUsage, []string{"ann"}},
		{"a file that is not there", "", "--answers: open /none: no such file or directory", exitUsage, []string{"ann", "--answers", "/none"}},
		{"no answer", "", "--answers: there is no answer", exitUsage, []string{"ann", "--answers", "-"}},
		{"a login that Flinks does not know", `{"q":"hush"}`, "flinks: AnswerMFAQuestions: HTTP 401 INVALID_LOGIN", exitTrouble, []string{"nobody", "--answers", "-"}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			equal(t, result{Code: tc.code, Stderr: "nightshift: " + tc.want + "\n"},
				start(t, environ, tc.stdin, append([]string{"mfa", "answer"}, tc.args...)...).result())
		})
	}
}

func TestDecodeAnswers(t *testing.T) {
	for _, tc := range []struct {
		rule, text string
		want       map[string]string
		err        string
	}{
		{"a line each", `{"question":"a","answer":"1"}` + "\n" + `{"question":"b","answer":"2"}` + "\n", map[string]string{"a": "1", "b": "2"}, ""},
		{"one object", `{"a":"1", "b":"2"}`, map[string]string{"a": "1", "b": "2"}, ""},
		{"a question that is called so", `{"question":"1"}`, map[string]string{"question": "1"}, ""},
		{"nothing", " \n", nil, "there is no answer"},
		{"nothing in braces", "{}", nil, "there is no answer"},
		{"an empty answer", `{"a":"1"}{"question":"b","answer":""}`, nil, "object 2 has a question without an answer"},
		{"an empty question", `{"":"hush"}`, nil, "object 1 has no question"},
		{"a question twice", `{"a":"hush"}{"a":"hush"}`, nil, "object 2 has a question that was answered before"},
		{"no text", `{"a":["hush"]}`, nil, `object 1 is none of texts: write {"question":"…","answer":"…"}`},
		{"no JSON", `hush`, nil, `object 1 is none of texts: write {"question":"…","answer":"…"}`},
		{"half of it", `{"a":"1"}{"b":"hu`, nil, `object 2 is none of texts: write {"question":"…","answer":"…"}`},
		{"too much", `{"a":"` + strings.Repeat("x", mostAnswers) + `"}`, nil, `object 1 is none of texts: write {"question":"…","answer":"…"}`},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			all, err := decodeAnswers(strings.NewReader(tc.text))
			if err == nil && tc.err != "" || err != nil && err.Error() != tc.err {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(tc.want, revealed(all)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func revealed(all []flinks.MFAQuestion) (plain map[string]string) {
	for _, q := range all {
		if plain == nil {
			plain = map[string]string{}
		}
		plain[q.Question] = q.Answer.Reveal()
	}
	return plain
}

// FuzzDecodeAnswers: whatever comes in, each question has one answer, and no
// error repeats anything.
func FuzzDecodeAnswers(f *testing.F) {
	f.Add(`{"question":"a","answer":"1"}` + "\n" + `{"b":"2"}`)
	f.Add(`{"a":"1"}{`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := decodeAnswers(strings.NewReader(text))
		if err != nil && len(err.Error()) > 100 || err == nil && len(revealed(all)) != len(all) {
			t.Errorf("%v, %d answers", err, len(all))
		}
	})
}
