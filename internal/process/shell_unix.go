//go:build unix

package process

func defaultShell(line string) Program {
	return Program{Argv: []string{"/bin/sh", "-c", line}}
}
