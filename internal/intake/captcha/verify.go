// Package captcha verifies the answers of Turnstile, hCaptcha and reCAPTCHA: after the submission is stored and its visitor answered,
// before the submission is sent.
//
// What must hold: a wrong answer holds the submission, and nothing else does. A provider that is late, down, or asked with the wrong
// secret proves nothing about the visitor: then the submission goes out as if there were no captcha, carries a mark, and ops are told. An
// answer is asked about once and soon, because it can be used once and is good for minutes: not when the submission's turn to be sent
// comes, which may be hours later.
package captcha

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Outcome is what asking a provider came to.
type Outcome string

// The outcomes.
const (
	Passed        Outcome = "passed"        // a person, says the provider
	Failed        Outcome = "failed"        // the answer is wrong, used up or a program's
	Unanswered    Outcome = "unanswered"    // the provider did not answer in time, or not with a verdict
	Misconfigured Outcome = "misconfigured" // the secret is missing, or the provider does not know it
	Late          Outcome = "late"          // the relay came to ask too late for the answer still to be good
)

// Secret is one captcha of the server's configuration.
type Secret struct {
	Provider string                 // turnstile, hcaptcha or recaptcha
	MinScore float64                // with recaptcha, where the answer has a score (v3): what has less is a program
	Value    func() (string, error) // the secret, read each time; its error is a sentence for ops without the secret
}

// Field is the form field in which a provider's script posts its answer; "" for a provider that is none.
func Field(provider string) string {
	switch provider {
	case "turnstile":
		return "cf-turnstile-response"
	case "hcaptcha":
		return "h-captcha-response"
	case "recaptcha":
		return "g-recaptcha-response"
	}
	return ""
}

// address is where a provider is asked.
func address(provider string) string {
	switch provider {
	case "turnstile":
		return "https://challenges.cloudflare.com/turnstile/v0/siteverify"
	case "hcaptcha":
		return "https://api.hcaptcha.com/siteverify"
	case "recaptcha":
		return "https://www.google.com/recaptcha/api/siteverify"
	}
	return ""
}

const (
	// within bounds one question, from the connection to the last byte.
	within = 5 * time.Second
	// maxVerdict bounds what is read of an answer, in bytes; real ones have some hundred.
	maxVerdict = 64 << 10
)

// verdict is the body of every provider's answer.
type verdict struct {
	Success *bool    `json:"success"`
	Codes   []string `json:"error-codes"`
	Score   *float64 `json:"score"` // reCAPTCHA v3: 1 is a person; hCaptcha's has another meaning and is not read
}

// judged is a verdict in the relay's words.
type judged struct {
	outcome Outcome
	used    bool   // with Failed: the answer was good once, and was used or has expired
	text    string // for ops; holds nothing of the answer
}

// ask asks a provider about an answer. The visitor's address is not told to it: it has seen the visitor itself, and an address from behind
// a proxy that is not configured would turn people away.
func ask(ctx context.Context, client *http.Client, at string, s Secret, answer string) judged {
	secret, err := s.Value()
	if err != nil {
		return judged{outcome: Misconfigured, text: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	body := url.Values{"secret": {secret}, "response": {answer}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		return judged{outcome: Misconfigured, text: "the address of " + s.Provider + " cannot be asked"}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	w, err := client.Do(r)
	if err != nil {
		return judged{outcome: Unanswered, text: s.Provider + " " + unreached(err)}
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxVerdict))
	if err != nil {
		return judged{outcome: Unanswered, text: s.Provider + " " + unreached(err)}
	}
	var v verdict
	if json.Unmarshal(text, &v) != nil || v.Success == nil || w.StatusCode >= http.StatusInternalServerError {
		return judged{outcome: Unanswered, text: fmt.Sprintf("%s answered %d without a verdict", s.Provider, w.StatusCode)}
	}
	return judge(s, v)
}

// unreached says why there is no answer, without the request that the error may quote.
func unreached(err error) string {
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		return "did not answer within " + within.String()
	}
	return "could not be reached"
}

// judge reads a verdict. What the visitor sent can bring about any code that speaks of the response, of a malformed request or of a
// site's key that does not belong to the secret (an answer from any other site does that), so those count against the answer; only codes
// about the secret alone and the provider itself do not.
func judge(s Secret, v verdict) judged {
	has := func(codes ...string) bool {
		return slices.ContainsFunc(v.Codes, func(code string) bool { return slices.Contains(codes, code) })
	}
	switch {
	case *v.Success && s.Provider == "recaptcha" && v.Score != nil && *v.Score < s.MinScore:
		return judged{outcome: Failed, text: fmt.Sprintf("recaptcha gives it the score %.1f, and min_score is %.1f", *v.Score, s.MinScore)}
	case *v.Success:
		return judged{outcome: Passed}
	case has("missing-input-secret", "invalid-input-secret"):
		return judged{outcome: Misconfigured, text: s.Provider + " does not know the secret"}
	case has("sitekey-secret-mismatch", "not-using-dummy-passcode", "invalid-keys"):
		return judged{outcome: Failed, text: s.Provider + " says that the captcha was solved for another site's key than the secret belongs to"}
	case has("internal-error"):
		return judged{outcome: Unanswered, text: s.Provider + " has a fault of its own"}
	case has("timeout-or-duplicate", "invalid-or-already-seen-response", "already-seen-response", "expired-input-response"):
		return judged{outcome: Failed, used: true, text: s.Provider + " says that the captcha's answer has expired or was used before"}
	}
	return judged{outcome: Failed, text: s.Provider + " says that the captcha's answer is wrong"}
}
