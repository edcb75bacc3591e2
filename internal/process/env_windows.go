package process

import (
	"os"
	"path/filepath"
)

const defaultPath = `C:\Windows\system32;C:\Windows`

var (
	tempVariables   = []string{"TEMP", "TMP"}
	homeVariables   = []string{"USERPROFILE", "HOME"}
	userVariables   = []string{"USERNAME"}
	neededVariables = []string{
		"USERNAME", "USERDOMAIN", "COMPUTERNAME", "HOMEDRIVE", "HOMEPATH",
		"SystemRoot", "SystemDrive", "ComSpec", "PATHEXT", "WINDIR", "OS", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
		"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "ProgramFiles", "ProgramFiles(x86)", "CommonProgramFiles", "PUBLIC",
	}
)

// foldersBelowHome are the variables for folders in the home directory dir.
func foldersBelowHome(dir string) map[string]string {
	drive := filepath.VolumeName(dir)
	return map[string]string{
		"HOMEDRIVE": drive, "HOMEPATH": dir[len(drive):],
		"APPDATA": filepath.Join(dir, "AppData", "Roaming"), "LOCALAPPDATA": filepath.Join(dir, "AppData", "Local"),
	}
}

// TempDir returns the system's directory for temporary files.
func TempDir() string { return os.TempDir() }
