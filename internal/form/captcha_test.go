package form

import "testing"

func TestIsCaptcha(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"g-recaptcha-response": true, "G-Recaptcha-Response": true, "h-captcha-response": true, "cf-turnstile-response": true,
		"smart-token": true, "captcha[code]": true, "token": false, "": false, "comment[captcha]": false, "smart-token-2": false,
	} {
		if got := IsCaptcha(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
