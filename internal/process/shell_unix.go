//go:build unix

package process

// defaultShell runs line with the system's shell.
func defaultShell(line string) Program {
	return Program{Argv: []string{"/bin/sh", "-c", line}}
}
