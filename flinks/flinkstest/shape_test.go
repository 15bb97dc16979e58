package flinkstest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nightshift/flinks/flinkstest"

	"github.com/google/go-cmp/cmp"
)

// The files in testdata are replies as published by Flinks' docs and by public
// client libraries. A reply of the simulator has to have the same members of
// the same JSON types; where either says null, any type will do.

func TestRepliesHaveThePublishedShape(t *testing.T) {
	for _, rule := range []struct {
		file string
		call func(w *wire) got
		// loose is what need not agree: accidents of the published reply, and
		// what it leaves out.
		loose []string
	}{
		{"generateauthorizetoken_200", func(w *wire) got {
			return w.do("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", flinkstest.DefaultSecretKey)
		}, nil},
		{"generateauthorizetoken_401_bad_secret", func(w *wire) got {
			return w.do("POST", banking+"GenerateAuthorizeToken", "", "flinks-auth-key", "no")
		}, nil},
		{"authorize_200_current", func(w *wire) got { return w.cached(login) }, nil},
		{"authorize_203_question_and_answer", func(w *wire) got { return w.live(login) }, nil},
		{"getaccountsdetail_200_current", func(w *wire) got { return w.detail(w.opened()) }, nil},
		{"getaccountsdetail_202_operation_pending_template", func(w *wire) got { return w.detail(w.cached("pending").text("RequestId")) }, nil},
		{"getaccountsdetailasync_202_operation_pending", func(w *wire) got {
			id := w.cached("pending").text("RequestId")
			w.detail(id)
			return w.poll(id)
		}, nil},
		{"getaccountssummary_200", func(w *wire) got {
			return w.data("POST", "GetAccountsSummary", `{"RequestId":"`+w.opened()+`"}`)
		}, nil},
		{"getstatements_200", func(w *wire) got {
			return w.data("POST", "GetStatements", `{"RequestId":"`+w.opened()+`"}`)
		}, nil},
		{"getincomeattributes_200_shape", func(w *wire) got {
			id := w.opened()
			w.detail(id)
			return w.attributes(login, id)
		}, []string{".Card", ".Login", ".HttpStatusCode"}},
		{"getmfaquestions_200", func(w *wire) got { return w.do("GET", banking+"GetMFAQuestions/"+login, "") }, nil},
		{"answermfaquestions_200", func(w *wire) got {
			body := strings.ReplaceAll(readFile(w.t, "answermfaquestions_request_clients"), "login-1234", login)
			return w.do("PATCH", banking+"AnswerMFAQuestions", body)
		}, nil},
		{"getnightlyrefreshstatus_200", func(w *wire) got {
			return w.do("GET", banking+"GetNightlyRefreshStatus", "", "Authorization", "Bearer "+flinkstest.DefaultSecretKey)
		}, []string{".Message", ".FlinksCode"}},
		{"setscheduledrefresh_200", func(w *wire) got {
			return w.do("PATCH", banking+"SetScheduledRefresh", `{"loginId":"`+login+`","isActivated":true}`)
		}, nil},
	} {
		bubble(t, rule.file, func(t *testing.T) {
			asks := fresh()
			asks.LastRefresh = asks.LastRefresh.Add(145999 * time.Microsecond)
			asks.Live = asking()
			pending := flinkstest.Login{ID: "pending", LastRefresh: time.Now(), Detail: []flinkstest.Answer{{Polls: 9}}}
			stuck := flinkstest.Login{ID: "stuck", Scheduled: true, LastRefresh: time.Now(), Last: asking()[0]}
			w := start(t, flinkstest.Options{}, asks, pending, stuck)
			ours, theirs := shapeOf(t, rule.call(w).Raw), shapeOf(t, readFile(t, rule.file))
			for _, shape := range []map[string]string{ours, theirs} {
				maps.DeleteFunc(shape, func(path, _ string) bool {
					return slices.ContainsFunc(rule.loose, func(p string) bool { return strings.HasPrefix(path, p) })
				})
			}
			if diff := cmp.Diff(theirs, agree(theirs, ours)); diff != "" {
				t.Errorf("published (-), ours (+):\n%s", diff)
			}
		})
	}
}

func (w *wire) opened() string {
	return w.authorize(`{"LoginId":"` + login + `","MostRecentCached":true,"Tag":"userId=1"}`).text("RequestId")
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shapeOf lists the members of a JSON text, each with its type.
func shapeOf(t *testing.T, text string) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	out := map[string]string{}
	walk(v, "", out)
	return out
}

func walk(v any, path string, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for key, one := range v {
			walk(one, path+"."+key, out)
		}
		out[path+"{}"] = "object"
	case []any:
		for _, one := range v {
			walk(one, path+"[]", out)
		}
		out[path+"[]"] = "array"
	case nil:
		if out[path] == "" {
			out[path] = "null"
		}
	default:
		out[path] = fmt.Sprintf("%T", v)
	}
}

// agree settles, in ours, that null agrees with any type.
func agree(theirs, ours map[string]string) map[string]string {
	for path, kind := range theirs {
		if ours[path] != "" && (kind == "null" || ours[path] == "null") {
			ours[path] = kind
		}
	}
	return ours
}
