// Package flinks calls the Flinks banking API and says what its answers mean.
//
// The one rule it keeps: one method is one HTTP call. It never repeats a call,
// never sleeps, keeps no token and decides nothing for its caller. What is
// normal comes back as data (200 done, 202 still processing, 203 a security
// challenge); what is refused or broken is an [*Error], and [KindOf] says in
// one word what it means. What to do about it is the caller's business.
//
// Secrets are of type [Secret], which prints "hidden" whatever prints it. The
// personal data in a reply is hidden from logs in the same way, and no error
// text holds a token, a header, a username or a message of Flinks.
//
// A refresh of data that Flinks holds already is three calls:
//
//	token, err := client.GenerateAuthorizeToken(ctx)
//	session, err := client.Authorize(ctx, token, flinks.Cached(loginID))
//	detail, err := client.GetAccountsDetail(ctx, flinks.AccountsDetailRequest{RequestID: session.RequestID})
//
// The comments name the pages of https://docs.flinks.com that a fact is from.
// Where the pages leave a gap, the comment says so.
package flinks
