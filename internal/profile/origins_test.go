package profile

import (
	"fmt"
	"strings"
	"testing"
)

// An origin is what a browser would say it is; what two readers could read differently is none.
func TestOriginOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://shop.example":                    "https://shop.example",
		"HTTPS://Shop.EXAMPLE":                    "https://shop.example",
		"https://shop.example/a?b#c":              "https://shop.example",
		"https://shop.example?b":                  "https://shop.example",
		"https://shop.example#b":                  "https://shop.example",
		"https://shop.example/100%?a=%zz#%":       "https://shop.example",
		"https://shop.example:443":                "https://shop.example",
		"https://shop.example:0443/":              "https://shop.example",
		"https://shop.example:":                   "https://shop.example",
		"http://shop.example:80":                  "http://shop.example",
		"http://shop.example:443":                 "http://shop.example:443",
		"https://shop.example:8443":               "https://shop.example:8443",
		"https://крамниця.example":                "https://xn--80aqejfp0c4d.example",
		"https://КРАМНИЦЯ.example":                "https://xn--80aqejfp0c4d.example",
		"https://xn--80aqejfp0c4d.example":        "https://xn--80aqejfp0c4d.example",
		"https://shop。example":                    "https://shop.example",
		"https://ｓｈｏｐ.example":                    "https://shop.example",
		"https://my_shop.example":                 "https://my_shop.example",
		"https://127.0.0.1:80":                    "https://127.0.0.1:80",
		"http://[::1]:3000":                       "http://[::1]:3000",
		"http://[0:0::0:1]":                       "http://[::1]",
		"https://shop.example/\u00e9":             "https://shop.example",
		"":                                        "",
		"null":                                    "",
		"shop.example":                            "",
		"//shop.example":                          "",
		"/thanks":                                 "",
		"https:":                                  "",
		"https://":                                "",
		"https:///shop.example":                   "",
		"https:shop.example":                      "",
		"https:/shop.example":                     "",
		"https:\\\\shop.example":                  "",
		"https://shop.example\\evil":              "",
		"https://shop.example.":                   "",
		"https://.shop.example":                   "",
		"https://shop..example":                   "",
		"https://user@shop.example":               "",
		"https://@shop.example":                   "",
		"https://shop.example@evil.example":       "",
		"https://shop.example:443@evil.example":   "",
		"https://shop.example:0":                  "",
		"https://shop.example:65536":              "",
		"https://shop.example:+443":               "",
		"https://shop.example:80:80":              "",
		"https://shop.example%2eevil.example":     "",
		"https://shop.example%00":                 "",
		"https://shop.example;evil.example":       "",
		"https://shop.example,https://a.example":  "",
		"https://shop.example https://a.example":  "",
		" https://shop.example":                   "",
		"https://shop.example\n":                  "",
		"ht\ttps://shop.example":                  "",
		"https://shop.\u00adexample":              "",
		"https://shop.example\u200b":              "",
		"https://shop.example／evil":               "",
		"https://a℀b.example":                     "",
		"https://[::1%25eth0]":                    "",
		"https://[::1":                            "",
		"javascript:alert(1)":                     "",
		"javascript://shop.example/%0aalert(1)":   "",
		"data:text/html,x":                        "",
		"ftp://shop.example":                      "",
		"chrome-extension://abcdef":               "",
		"file:///etc/passwd":                      "",
		"https://" + strings.Repeat("a", 64):      "",
		"https://" + strings.Repeat("abc.", 70):   "",
		"https://xn--\u0430.example":              "",
		"https://*.shop.example":                  "",
		"https://shop.example:443:443/":           "",
		"blob:https://shop.example/x":             "",
		"view-source:https://shop.example":        "",
		"https://shop.example|evil":               "",
		"https://shop.example<script>":            "",
		"https://shop.example'":                   "",
		"https://shop.example\u2028.evil.example": "",
	} {
		if got := OriginOf(address); got != want {
			t.Errorf("OriginOf(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestOriginsAllow(t *testing.T) {
	t.Parallel()
	list := Origins{"https://shop.example", "https://*.shop.example", "http://localhost:3000", "http://*.test.example:8080"}
	for origin, want := range map[string]bool{
		"https://shop.example":               true,
		"https://a.shop.example":             true,
		"https://a.b.shop.example":           true,
		"http://localhost:3000":              true,
		"http://a.test.example:8080":         true,
		"":                                   false,
		"http://shop.example":                false,
		"http://a.shop.example":              false,
		"https://shop.example:8443":          false,
		"https://a.shop.example:8443":        false,
		"https://evilshop.example":           false,
		"https://shop.example.evil.example":  false,
		"https://.shop.example":              false,
		"https://*.shop.example":             true, // OriginOf never writes it
		"http://localhost":                   false,
		"http://localhost:3001":              false,
		"http://test.example:8080":           false,
		"http://a.test.example":              false,
		"https://shop.example.":              false,
		"https://shop.exampl":                false,
		"https://a.shop.example.evil.exampl": false,
	} {
		if got := list.Allow(origin); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
	if (Origins{}).Allow("https://shop.example") || Origins(nil).Allow("") {
		t.Error("an empty list allows")
	}
	if alone := (Origins{"https://*.shop.example"}); alone.Allow("https://shop.example") {
		t.Error("* stands for nothing")
	}
}

func TestOriginsAreBounded(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{maxOrigins: true, maxOrigins + 1: false} {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "\n    - https://shop%d.example", i)
		}
		p, faults := Parse("order", "f", []byte(least+"form:\n  origins:"+list.String()+"\n"), Options{})
		if ok != (len(faults) == 0) || ok && len(p.Origins) != n {
			t.Errorf("%d: %v", n, faults)
		}
	}
	long := "https://" + strings.Repeat("a.", maxOrigin/2) + "example"
	if _, faults := Parse("order", "f", []byte(least+"form: {origins: ["+long+"]}\n"), Options{}); len(faults) != 1 {
		t.Error(faults)
	}
}

// Whatever OriginOf takes, it takes again and leaves as it is: a list and a header are compared as texts.
func FuzzOriginOf(f *testing.F) {
	for _, seed := range []string{"https://shop.example:443/a", "http://[::1]:80", "https://КРАМНИЦЯ.example", "https://a@b", "https:\\b", "https://*.x.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		origin := OriginOf(address)
		if origin == "" {
			return
		}
		if again := OriginOf(origin); again != origin || OriginOf(origin+"/x") != origin {
			t.Errorf("%q is %q, which is %q", address, origin, again)
		}
		if strings.ContainsAny(origin, "@\\* \t\n?#%") || strings.Count(origin, "/") != 2 {
			t.Errorf("%q is %q", address, origin)
		}
	})
}
