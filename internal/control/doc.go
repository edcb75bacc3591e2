// Package control is the control plane: the use cases of Errand (Service), a
// file each, and the interfaces that they need. The adapters (internal/dynamo,
// internal/queue, internal/blob, internal/invoke) implement those over AWS, and
// internal/api serves the use cases over HTTP.
package control
