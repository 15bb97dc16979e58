package flinkstest

// testUser is a documented user of the test institution FlinksCapital.
type testUser struct {
	login    Login
	language string
}

// The questions that the test institution asks, with their documented answers.
// The prompt of the city is not published; the other two are.
var (
	shape   = Challenge{Prompt: "What shape do people like most?", Answer: "Triangle"}
	country = Challenge{Prompt: "What is the best country on earth?", Answer: "Canada"}
	city    = Challenge{Prompt: "What city were you born in?", Answer: "Montreal"}
)

// greatdayID is the loginId of the user Greatday in Flinks' own samples.
const greatdayID = "5e115eac-1209-4f19-641c-08d6d484e2fe"

// testUsers are the documented users, in English and in French. Their ids are
// the same in every process, so that a login made at one sandbox is known to
// the next. None was ever refreshed.
func testUsers() []testUser {
	scripts := []Login{
		{Username: "Greatday", Live: []Answer{
			{Challenge: []Challenge{shape}}, {Challenge: []Challenge{country}}, {Challenge: []Challenge{city}},
		}},
		{Username: "greatday_nomfa"},
		{Username: "test_disabled_account", Live: []Answer{{FlinksCode: "DISABLED_LOGIN"}}},
		{Username: "test_service_unavailable", Live: []Answer{{FlinksCode: "RETRY_LATER"}}},
		{Username: "test_dispatched", Detail: []Answer{{FlinksCode: "OPERATION_DISPATCHED", Polls: 3}}},
		{Username: "test_pending", Detail: []Answer{{FlinksCode: "OPERATION_PENDING", Polls: 3}}},
		{Username: "multiple_employers"},
		{Username: "chat_gpt"},
	}
	var users []testUser
	for _, l := range scripts {
		l.Password, l.Institution, l.InstitutionID = "Everyday", "FlinksCapital", 14
		l.Accounts, l.Transactions = 2, 25
		for _, language := range []string{"en", "fr"} {
			l.ID = ""
			if l.Username == "Greatday" && language == "en" {
				l.ID = greatdayID
			}
			users = append(users, testUser{l, language})
		}
	}
	return users
}
