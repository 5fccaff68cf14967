package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"time"
)

// tokenField is the form field in which the time token is posted.
const tokenField = "_token"

const (
	// tokenLasts is how long a token is good: a page may stay open for days, and who comes back to it is a customer.
	tokenLasts = 7 * 24 * time.Hour
	// tokenAhead is by how much the clocks of two replicas may differ.
	tokenAhead = time.Minute

	tokenStamp = 8  // bytes of a token's time, milliseconds since 1970
	tokenMAC   = 16 // bytes of its authentication code
)

// issued is what a script gets that asks for a time token.
type issued struct {
	Token string `json:"token"`
	Field string `json:"field"` // the form field in which it is to be posted
}

// token gives a script the time token that it posts with its form. The profile is part of what is signed, so that a token of one form
// is none of another's.
func (i *Intake) token(w http.ResponseWriter, r *http.Request) error {
	p, err := i.serving(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, issued{Token: signTime(i.Key, p.Name, i.Now()), Field: tokenField})
}

// signTime is the token of a profile and a time.
func signTime(key []byte, profile string, at time.Time) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(stamp, timeMAC(key, profile, stamp)...))
}

// timeMAC is the authentication code of a token. What comes before the time has no fixed length and ends with a byte that it cannot hold.
func timeMAC(key []byte, profile string, stamp []byte) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte("formrelay time token\x00" + profile + "\x00")) // a hash never fails to write
	_, _ = h.Write(stamp)
	return h.Sum(nil)[:tokenMAC]
}

var (
	errNoToken = errors.New("this is no time token")
	errForged  = errors.New("its time token is not one that the relay made for this form")
	errExpired = errors.New("its time token is older than a week")
)

// timeSince is how long ago a token was made. The error says in words why it cannot be told; it is errNoToken where the text has not even
// a token's shape, whoever signed it.
func timeSince(key []byte, profile, token string, now time.Time) (time.Duration, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tokenStamp+tokenMAC {
		return 0, errNoToken
	}
	if !hmac.Equal(b[tokenStamp:], timeMAC(key, profile, b[:tokenStamp])) {
		return 0, errForged
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b))))
	switch {
	case age < -tokenAhead: // signed, but with a clock that nobody has
		return 0, errForged
	case age > tokenLasts:
		return 0, errExpired
	}
	return max(age, 0), nil
}
