package profile

import (
	"fmt"
	"strings"

	"formrelay/internal/form"
	"formrelay/internal/mapping/value"
)

// The bounds of `guard.files`.
const (
	maxFiles     = 20
	maxFileSize  = 10 << 20 // KeyCRM's own bound of an upload
	maxFileTypes = 50
)

// defaultFileTypes are what visitors of a shop send: a photograph, a screenshot, a drawing, a bill.
func defaultFileTypes() []string { return []string{"image/*", "application/pdf"} }

// fileTypes reads `guard.files.types`.
func (r *reader) fileTypes(list scalars) []string {
	if len(list) > maxFileTypes {
		r.add(list[maxFileTypes].pos, fmt.Sprintf("guard.files.types lists %d types, and %d is the most", len(list), maxFileTypes), "write a whole kind, such as image/*")
		list = list[:maxFileTypes]
	}
	var types []string
	for _, s := range list {
		listed := strings.ToLower(s.text)
		if !form.FileTypeKnown(listed) {
			do := "write a media type that a content can be told by, such as image/jpeg, image/* or application/pdf"
			if near := nearFileType(listed); near != "" {
				do = "did you mean " + near + "?"
			}
			r.add(s.pos, quote(s.text)+" is no type of a file", do)
			continue
		}
		types = append(types, listed)
	}
	if len(types) == 0 {
		return defaultFileTypes()
	}
	return types
}

// nearFileType is the type that was most likely meant: people write an extension, or image/jpg.
func nearFileType(listed string) string {
	extension := strings.TrimPrefix(strings.TrimPrefix(listed[strings.LastIndexByte(listed, '/')+1:], "*"), ".")
	usual := map[string]string{
		"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp", "heic": "image/heic",
		"tif": "image/tiff", "tiff": "image/tiff", "svg": svgType, "pdf": "application/pdf", "zip": "application/zip",
		"txt": "text/plain", "csv": "text/csv", "doc": "application/msword", "xls": "application/vnd.ms-excel",
		"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"mp3":  "audio/mpeg", "mp4": "video/mp4", "image": "image/*", "images": "image/*", "video": "video/*", "audio": "audio/*",
	}
	if t := usual[extension]; t != "" {
		return t
	}
	return value.Nearest(listed, []string{"image/*", "image/jpeg", "image/png", "application/pdf", "video/*", "audio/*", "text/*"})
}

// svgType must be named to be taken.
const svgType = "image/svg+xml"
