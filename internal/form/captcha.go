package form

import "strings"

// IsCaptcha tells whether a field's name is one under which captchas post their answers: g-recaptcha-response, h-captcha-response,
// cf-turnstile-response, smart-token and their like. Such an answer is for whoever checks it, and another one in every post.
func IsCaptcha(name string) bool {
	root, _, _ := strings.Cut(name, "[")
	root = strings.ToLower(root)
	return strings.Contains(root, "captcha") || strings.Contains(root, "turnstile") || root == "smart-token"
}
