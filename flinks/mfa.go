package flinks

import (
	"context"
	"net/http"
)

// MFAQuestion is a question that a login's bank asks, and the holder's answer.
// The answer is only ever sent.
type MFAQuestion struct {
	Question string
	Answer   Secret
}

type questionsReply struct {
	head
	Questions []struct{ Question string }
}

func (r *questionsReply) usable(int) bool { return r.Questions != nil }

// GetMFAQuestions lists the questions that a login's bank may ask.
//
// Deprecated: it serves Enhanced MFA, which Flinks has deprecated. Let the
// holder answer in Flinks Connect: [Connect.Resume]. Source: get-mfa-questions.
func (c *Client) GetMFAQuestions(ctx context.Context, loginID string) ([]string, error) {
	var w questionsReply
	_, err := c.do(ctx, &request{
		op:     OpGetMFAQuestions,
		method: http.MethodGet,
		path:   banking(OpGetMFAQuestions, loginID),
		cred:   apiKey(c.APIKey),
		data:   []int{http.StatusOK},
	}, &w)
	if err != nil {
		return nil, err
	}
	questions := make([]string, 0, len(w.Questions))
	for _, q := range w.Questions {
		questions = append(questions, q.Question)
	}
	return questions, nil
}

type answersBody struct {
	LoginID   string       `json:"LoginId"`
	Questions []answerBody `json:"Questions"`
}

type answerBody struct{ Question, Answer string }

// AnswerMFAQuestions stores answers for a login.
//
// Deprecated: it serves Enhanced MFA, which Flinks has deprecated. Let the
// holder answer in Flinks Connect: [Connect.Resume]. Source: answer-mfa-questions.
func (c *Client) AnswerMFAQuestions(ctx context.Context, loginID string, answers []MFAQuestion) error {
	body := answersBody{LoginID: loginID, Questions: make([]answerBody, 0, len(answers))}
	for _, a := range answers {
		body.Questions = append(body.Questions, answerBody{a.Question, a.Answer.Reveal()})
	}
	_, err := c.do(ctx, &request{
		op:     OpAnswerMFAQuestions,
		method: http.MethodPatch,
		cred:   apiKey(c.APIKey),
		body:   body,
		data:   []int{http.StatusOK},
	}, &head{})
	return err
}
