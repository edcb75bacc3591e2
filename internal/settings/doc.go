// Package settings reads what a user writes down once: the tasks of a project in its
// errand.yaml, and the user's own servers and defaults in config.yaml.
//
// A project's file may come from a stranger. It can name commands, folders below its own
// and settings of jobs, but no server, token or context, and it reads nothing of the
// user's environment.
package settings
