// Package archive packs a directory into a ZIP that is the same for the same
// files, and unpacks a ZIP that nobody has reason to trust.
package archive
