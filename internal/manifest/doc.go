// Package manifest is the form in which a folder is sent by difference: a manifest that
// lists its entries, the content of its files as chunks that are named by their SHA-256,
// and packs, the objects that both are stored in. See docs/adr/0012-manifest.md.
//
// A manifest is cut into parts between entries, by the entries' paths alone, so that a
// change of a file changes one part. Parts are stored like chunks. A pack with a Tree is
// the root of a manifest: the Tree lists the parts. Chunks and parts may lie in the root
// or in any other pack that the job names.
//
// Nothing that is read here is trusted: every reader checks lengths, limits and, for
// chunks, the hash.
package manifest
