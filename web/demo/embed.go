// Package demo holds the sample shop page that `formrelay demo` serves: a plain HTML form, and two that
// relay.js sends.
package demo

import "embed"

// Files are shop.html, a html/template that takes a Page, and what it refers to.
//
//go:embed shop.html shop.css lamp.svg
var Files embed.FS

// Page is what shop.html shows.
type Page struct {
	Received string // the address of the stand-in's list of what it received
}
