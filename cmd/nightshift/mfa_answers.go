package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"nightshift/flinks"
)

// mostAnswers bounds what is read of answers, in bytes.
const mostAnswers = 1 << 20

// decodeAnswers reads answers: JSON objects that are each a question with its
// answer, or go from questions to answers. Its errors tell the place and never
// repeat what stands there.
func decodeAnswers(r io.Reader) ([]flinks.MFAQuestion, error) {
	var all []flinks.MFAQuestion
	asked := map[string]bool{}
	dec := json.NewDecoder(io.LimitReader(r, mostAnswers))
	for n := 1; ; n++ {
		var object map[string]string
		err := dec.Decode(&object)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf(`object %d is none of texts: write {"question":"…","answer":"…"}`, n)
		}
		for _, q := range questionsOf(object) {
			switch {
			case q.Question == "":
				return nil, fmt.Errorf("object %d has no question", n)
			case q.Answer == "":
				return nil, fmt.Errorf("object %d has a question without an answer", n)
			case asked[q.Question]:
				return nil, fmt.Errorf("object %d has a question that was answered before", n)
			}
			asked[q.Question] = true
			all = append(all, q)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no answer")
	}
	return all, nil
}

// questionsOf are the questions of one object, in an order that is always the
// same.
func questionsOf(object map[string]string) []flinks.MFAQuestion {
	_, question := object["question"]
	_, answer := object["answer"]
	if question && answer && len(object) == 2 {
		return []flinks.MFAQuestion{{Question: object["question"], Answer: Secret(object["answer"])}}
	}
	var all []flinks.MFAQuestion
	for _, q := range slices.Sorted(maps.Keys(object)) {
		all = append(all, flinks.MFAQuestion{Question: q, Answer: Secret(object[q])})
	}
	return all
}
