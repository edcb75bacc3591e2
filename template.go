package errand

import _ "embed"

// Template is template.yaml: the one list of routes, functions, schedules,
// tables, queues and buckets, for whoever serves them.
//
//go:embed template.yaml
var Template []byte
