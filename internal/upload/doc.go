// Package upload sends a folder by difference: as a manifest, and packs with what the
// server doesn't have yet. See docs/adr/0012-manifest.md.
//
// What is sent depends on the folder alone, except that a memory of the last time saves
// reading files that have not changed and sending what lies in earlier packs. The
// memory may be deleted at any time.
package upload
