package process_test

import (
	"slices"
	"testing"

	"github.com/errandhq/errand/internal/process"
)

// Programs find the user, the machine and the home directory under the names that
// Windows gives them.
func TestEnvironmentOnWindows(t *testing.T) {
	t.Setenv("ERRAND_TOKEN", "secret")
	all := map[string]string{
		"Path": `C:\p`, "SystemRoot": `C:\Windows`, "USERNAME": "Ann", "USERDOMAIN": "OFFICE", "COMPUTERNAME": "BOX-3",
		"HOMEDRIVE": "C:", "HOMEPATH": `\Users\Ann`, "ERRAND_TOKEN": "secret",
	}
	host := process.CurrentHost(func(name string) string {
		if name == "PATH" {
			name = "Path"
		}
		return all[name]
	})
	host.Home = `C:\Users\Ann`
	got := process.Env{Host: host, Temp: `C:\t`, Job: map[string]string{"path": `C:\job`}}.Build()
	want := []string{
		"CI=true", "COMPUTERNAME=BOX-3", "GIT_TERMINAL_PROMPT=0", `HOME=C:\Users\Ann`, "HOMEDRIVE=C:", `HOMEPATH=\Users\Ann`, "LANG=C.UTF-8", "PYTHONUNBUFFERED=1", `SystemRoot=C:\Windows`,
		`TEMP=C:\t`, `TMP=C:\t`, "USERDOMAIN=OFFICE", "USERNAME=Ann", `USERPROFILE=C:\Users\Ann`, `path=C:\job`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
