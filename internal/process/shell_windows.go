package process

// defaultShell runs line with cmd.exe, which reads its command line by rules of
// its own: with /s, all between the first and the last quote is the command.
func defaultShell(line string) Program {
	return Program{Argv: []string{"cmd.exe", "/d", "/s", "/c", line}, commandLine: `cmd.exe /d /s /c "` + line + `"`}
}
