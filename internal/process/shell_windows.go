package process

// defaultShell passes line in the form that cmd.exe /s expects: everything between
// the first and the last quote is the command.
func defaultShell(line string) Program {
	return Program{Argv: []string{"cmd.exe", "/d", "/s", "/c", line}, commandLine: `cmd.exe /d /s /c "` + line + `"`}
}
