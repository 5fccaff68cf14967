package form

import (
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// FileHead is how many bytes of a file's beginning tell its type.
const FileHead = 3072

// maxFileType bounds a media type in a profile; the longest there is has some 80 bytes.
const maxFileType = 127

// svg is the one image that browsers run scripts of.
const svg = "image/svg+xml"

// FileType is the media type of a content by its first FileHead bytes, or all of them where there are fewer, without parameters. What
// the browser said and how the file is called counts for nothing.
func FileType(head []byte) string {
	return mediaTypeOf(mimetype.Detect(head[:min(len(head), FileHead)]))
}

func mediaTypeOf(m *mimetype.MIME) string {
	name, _, _ := strings.Cut(m.String(), ";")
	return name
}

// FileTypeKnown tells whether a type as a profile lists it (image/png, image/*, */*) is one that a content could be found to be.
func FileTypeKnown(listed string) bool {
	kind, sub, ok := strings.Cut(listed, "/")
	switch {
	case !ok || len(listed) > maxFileType:
		return false
	case kind == "*":
		return sub == "*"
	case sub == "*":
		return slices.Contains([]string{"image", "audio", "video", "text", "application", "font", "model"}, kind)
	}
	return mimetype.Lookup(listed) != nil
}

// FileTypeListed tells whether a type that FileType found is among those that a profile lists. image/* leaves out image/svg+xml: that
// one must be listed by its name, because it may hold scripts.
func FileTypeListed(found string, listed []string) bool {
	kind, _, _ := strings.Cut(found, "/")
	for _, one := range listed {
		switch {
		case one == "*/*", one == kind+"/*" && found != svg, mimetype.EqualsAny(found, one):
			return true
		case !strings.Contains(one, "*"):
			if m := mimetype.Lookup(one); m != nil && mediaTypeOf(m) == found { // another name of the same
				return true
			}
		}
	}
	return false
}

// TypedFileName is a cleaned name whose extension does not say that the file is something else than its content: shell.php that holds
// a photograph becomes shell.php.jpg, for whoever opens it goes by the name. Only pictures, sound, films and PDF are held to it; the
// extensions of the others mean too much else (a .csv is text/plain as often as not).
func TypedFileName(name, mediaType string) string {
	kind, _, _ := strings.Cut(mediaType, "/")
	m := mimetype.Lookup(mediaType)
	if m == nil || m.Extension() == "" || !slices.Contains([]string{"image", "audio", "video"}, kind) && mediaType != "application/pdf" {
		return name
	}
	if has := strings.ToLower(path.Ext(name)); has == m.Extension() || slices.Contains(otherExtensions(mediaType), has) {
		return name
	}
	return cutRunes(name, mostFileName-len(m.Extension())) + m.Extension()
}

// otherExtensions are those in use beside a type's usual one.
func otherExtensions(mediaType string) []string {
	switch mediaType {
	case "image/jpeg":
		return []string{".jpeg", ".jpe", ".jfif"}
	case "image/tiff":
		return []string{".tif"}
	case "image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence":
		return []string{".heic", ".heif"}
	case "image/apng":
		return []string{".png"}
	case "video/mp4":
		return []string{".m4v"}
	case "audio/mp4", "audio/x-m4a":
		return []string{".m4a", ".mp4"}
	case "audio/ogg", "video/ogg":
		return []string{".ogg", ".opus"}
	case "audio/mpeg":
		return []string{".mpga"}
	}
	return nil
}
