package cli

import (
	"errors"
	"path/filepath"
	"runtime"
)

// defaultDataDir is where errand local keeps its state unless it is told otherwise.
func defaultDataDir(getenv func(string) string) (string, error) {
	base, err := dataHome(runtime.GOOS, getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "errand", "local"), nil
}

// shownDataDir is a data directory in help texts, by the rules of the OS.
func shownDataDir(name string) string {
	if runtime.GOOS == "windows" {
		return `%LocalAppData%\errand\` + name
	}
	return "~/.local/share/errand/" + name
}

// dataHome is the directory for a user's application data, by the rules of the OS.
// On macOS it is the same as on Linux: many build tools fail below a path with a
// space, such as ~/Library/Application Support.
func dataHome(goos string, getenv func(string) string) (string, error) {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if goos == "windows" {
		if dir := getenv("LocalAppData"); dir != "" {
			return dir, nil
		}
		return "", errors.New("no data directory: %LocalAppData% is not set; use --data")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share"), nil
	}
	return "", errors.New("no data directory: $HOME is not set; use --data")
}
