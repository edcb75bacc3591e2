package process

const defaultPath = `C:\Windows\system32;C:\Windows`

var (
	tempVariables   = []string{"TEMP", "TMP"}
	homeVariables   = []string{"USERPROFILE", "HOME"}
	userVariables   = []string{"USERNAME"}
	neededVariables = []string{
		"SystemRoot", "SystemDrive", "ComSpec", "PATHEXT", "WINDIR", "OS", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
		"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "ProgramFiles", "ProgramFiles(x86)", "CommonProgramFiles", "PUBLIC",
	}
)
