// Package archive packs a directory into a reproducible ZIP, and unpacks ZIPs from
// untrusted sources.
package archive
