package form

import (
	"strings"
	"testing"
)

// The beginnings of files, as written by hand from their formats.
const (
	pngHead  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	jpegHead = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
	heicHead = "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
	exeHead  = "MZ\x90\x00\x03\x00\x00\x00"
)

func TestFileType(t *testing.T) {
	t.Parallel()
	usual := []string{"image/*", "application/pdf"}
	for _, c := range []struct {
		head, want string
		listed     bool
	}{
		{pngHead, "image/png", true},
		{jpegHead, "image/jpeg", true},
		{heicHead, "image/heic", true},
		{"%PDF-1.7\n", "application/pdf", true},
		{"GIF89a", "image/gif", true},
		{exeHead, "application/vnd.microsoft.portable-executable", false},
		{"<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>", "image/svg+xml", false},
		{"<!DOCTYPE html><script>", "text/html", false},
		{"PK\x03\x04", "application/zip", false},
		{"plain words, Україна", "text/plain", false},
		{"\x00\x01\x02", "application/octet-stream", false},
		{"", "text/plain", false},
		{strings.Repeat("\x00", 3*FileHead), "application/octet-stream", false},
	} {
		if got := FileType([]byte(c.head)); got != c.want || FileTypeListed(got, usual) != c.listed {
			t.Errorf("%.20q is %s, want %s, listed %v", c.head, got, c.want, c.listed)
		}
	}
}

func TestFileTypeListed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		found, listed string
		want          bool
	}{
		{"image/svg+xml", "image/*", false},
		{"image/svg+xml", "image/svg+xml", true},
		{"image/svg+xml", "*/*", true},
		{"application/zip", "application/x-zip-compressed", true},
		{"application/zip", "application/*", true},
		{"text/plain", "image/*", false},
		{"image/png", "image/jpeg", false},
	} {
		if got := FileTypeListed(c.found, []string{c.listed}); got != c.want {
			t.Errorf("%s in %s: %v", c.found, c.listed, got)
		}
	}
	if FileTypeListed("image/png", nil) {
		t.Error("nothing is listed")
	}
	for listed, want := range map[string]bool{
		"image/png": true, "image/*": true, "*/*": true, "application/x-zip-compressed": true,
		"image/jpg": false, "*/png": false, "*": false, "": false, "png": false, "images/*": false, "image/" + strings.Repeat("x", 200): false,
	} {
		if FileTypeKnown(listed) != want {
			t.Errorf("FileTypeKnown(%q) = %v", listed, !want)
		}
	}
}

func TestTypedFileName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ї", 96) + ".php"
	for _, c := range []struct{ name, mediaType, want string }{
		{"фото.JPG", "image/jpeg", "фото.JPG"},
		{"a.jpeg", "image/jpeg", "a.jpeg"},
		{"shell.php", "image/jpeg", "shell.php.jpg"},
		{"file", "image/png", "file.png"},
		{"a.tif", "image/tiff", "a.tif"},
		{"a.HEIF", "image/heic", "a.HEIF"},
		{"scan.pdf.exe", "application/pdf", "scan.pdf.exe.pdf"},
		{"prices.csv", "text/plain", "prices.csv"},
		{"x.dat", "application/octet-stream", "x.dat"},
		{"x.dat", "no/such", "x.dat"},
		{long, "image/png", cutRunes(long, mostFileName-4) + ".png"},
	} {
		got := TypedFileName(c.name, c.mediaType)
		if got != c.want || FileName(got) != got {
			t.Errorf("%q of %s = %q, want %q", c.name, c.mediaType, got, c.want)
		}
	}
}
