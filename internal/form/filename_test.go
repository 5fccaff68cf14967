package form

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"фото кухні.jpg":         "фото кухні.jpg",
		"Ґанок-Їжак №5 (2).PNG":  "Ґанок-Їжак №5 (2).PNG",
		"写真.jpg":                 "写真.jpg",
		"и\u0306од.png":          "йод.png", // as a Mac sends it
		`C:\fakepath\photo.jpg`:  "photo.jpg",
		"../../etc/passwd":       "passwd",
		`..\..\boot.ini`:         "boot.ini",
		"..":                     "file",
		".":                      "file",
		"":                       "file",
		"/":                      "file",
		".htaccess":              "htaccess",
		"a.jpg. . ":              "a.jpg",
		"a\x00b\r\nc.jpg":        "ab c.jpg",
		"photo\u202Egpj.exe":     "photogpj.exe",
		"a\u200B\u2066b\u2069.p": "ab.p",
		"a\u2028b.jpg":           "a b.jpg",
		`a"b<c>d|e?f*g:h.jpg`:    "a_b_c_d_e_f_g_h.jpg",
		"\xff\xfe.jpg":           "jpg",
		"CON":                    "_CON",
		"nul.jpg":                "_nul.jpg",
		"Com7 .tar.gz":           "_Com7 .tar.gz",
		"com.jpg":                "com.jpg",
		"console.jpg":            "console.jpg",
		"-rf.jpg":                "_-rf.jpg",
		"  two   blanks .jpg":    "two blanks .jpg",
	} {
		if got := FileName(sent); got != want {
			t.Errorf("FileName(%q) = %q, want %q", sent, got, want)
		}
	}
}

func TestFileNameLength(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat("ї", (mostFileName-4)/2) + ".jpg"
	for sent, want := range map[string]string{
		fits:                            fits,
		"ї" + fits:                      fits,
		strings.Repeat("x", 500):        strings.Repeat("x", mostFileName),
		"a." + strings.Repeat("x", 500): "a." + strings.Repeat("x", mostFileName-2),
	} {
		if got := FileName(sent); got != want {
			t.Errorf("of %d bytes: %q, want %q", len(sent), got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("фото.jpg")
	f.Add(`..\CON .x` + "\u202e")
	f.Add(strings.Repeat("ї", 120) + ".tar.gz")
	f.Fuzz(func(t *testing.T, sent string) {
		name := FileName(sent)
		if name == "" || len(name) > mostFileName || !utf8.ValidString(name) || strings.ContainsAny(name, `/\<>:"|?*`) {
			t.Errorf("%q", name)
		}
		if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) || name[0] == '.' || name[0] == '-' || reservedFileName(name) {
			t.Errorf("%q", name)
		}
		if again := FileName(name); again != name {
			t.Errorf("%q becomes %q", name, again)
		}
	})
}
