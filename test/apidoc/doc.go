// Package apidoc runs the examples of docs/api.md, from top to bottom, as the
// shell script that they are.
package apidoc
