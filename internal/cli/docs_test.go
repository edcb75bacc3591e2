package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/terminal"
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
		if name == "server" || name == "token-file" || name == "context" {
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

// TestDurations: every flag that takes a duration takes seconds and days.
func TestDurations(t *testing.T) {
	t.Parallel()
	eachCommand(newApp(io.Discard, io.Discard, noEnv).root(), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "duration" {
				return
			}
			for _, s := range []string{"90", "1d"} {
				if err := f.Value.Set(s); err != nil {
					t.Errorf("%s --%s %s: %v; define it with terminal.DurationVar", cmd.CommandPath(), f.Name, s, err)
				}
			}
		})
	})
}

// TestFlagFaults: a wrong value of a flag is told in the words of the user, not in Go's.
func TestFlagFaults(t *testing.T) {
	t.Parallel()
	eachCommand(newApp(io.Discard, io.Discard, noEnv).root(), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if err := cmd.Flags().Set(f.Name, "\nwrong"); err != nil && !errors.Is(err, pflag.ErrHelp) {
				if text := terminal.ValueFault(err); !strings.HasPrefix(text, "must be ") || strings.Contains(text, "strconv") {
					t.Errorf("%s --%s %s", cmd.CommandPath(), f.Name, text)
				}
			}
		})
	})
}

// TestHelpListsCommands: every command that isn't hidden is in a group of the help.
func TestHelpListsCommands(t *testing.T) {
	t.Parallel()
	for _, cmd := range newApp(io.Discard, io.Discard, noEnv).root().Commands() {
		if !cmd.Hidden && cmd.GroupID == "" {
			t.Errorf("errand %s is in no group: add it with addGroup", cmd.Name())
		}
	}
}

func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, c := range cmd.Commands() {
		eachCommand(c, do)
	}
}
