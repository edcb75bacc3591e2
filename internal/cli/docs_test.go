package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestDocsNameEveryFlag: docs/cli.md has a section for each command, and in it,
// or where it says that it is common to all, each flag.
func TestDocsNameEveryFlag(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(io.Discard, io.Discard, noEnv)
	common, _, _ := strings.Cut(string(b), "\n## Exit codes")
	for _, cmd := range a.root().Commands() {
		if cmd.Hidden {
			continue
		}
		section := common
		if cmd.Name() != "version" {
			_, rest, found := strings.Cut(string(b), "\n## errand "+cmd.Name()+"\n")
			if !found {
				t.Errorf("there is no section for errand %s", cmd.Name())
				continue
			}
			section, _, _ = strings.Cut(rest, "\n## ")
		}
		checkFlags(t, cmd, section, common)
	}
}

// flagLine is a flag in cobra's help.
var flagLine = regexp.MustCompile(`(?m)^ +(?:-(\w), )?--([a-z-]+)`)

func checkFlags(t *testing.T, cmd *cobra.Command, section, common string) {
	t.Helper()
	for _, m := range flagLine.FindAllStringSubmatch(cmd.LocalFlags().FlagUsages(), -1) {
		short, name := m[1], m[2]
		where := section
		if name == "server" || name == "token-file" {
			where += common
		}
		if !strings.Contains(where, "--"+name) {
			t.Errorf("errand %s: --%s is not described", cmd.Name(), name)
		}
		if short != "" && !strings.Contains(section, "`-"+short+"`") {
			t.Errorf("errand %s: -%s is not described", cmd.Name(), short)
		}
	}
}
