// Package pages holds the pages for people to the code: what they name is there.
package pages
