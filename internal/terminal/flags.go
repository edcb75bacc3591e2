package terminal

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Annotations of flags.
const (
	sectionKey = "errand_section" // the title above the flag in the command's help
	rareKey    = "errand_rare"    // only --help-all shows the flag
)

// CommonFlags is the last section of a command's help: what many commands have.
const CommonFlags = "Common flags"

// AddFlags adds the flags that add defines to cmd, in a section of its help. Sections
// and flags are shown in the order in which they are added.
func AddFlags(cmd *cobra.Command, section string, add func(*pflag.FlagSet)) {
	fl := pflag.NewFlagSet(section, pflag.ContinueOnError)
	fl.SortFlags = false
	add(fl)
	fl.VisitAll(func(f *pflag.Flag) { annotate(f, sectionKey, section) })
	cmd.Flags().AddFlagSet(fl)
}

// HideRareFlags makes --help show the flags of cmd only that are not among names, and
// adds --help-all, which shows all.
func HideRareFlags(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		annotate(cmd.Flags().Lookup(name), rareKey, "true")
	}
	cmd.Flags().VarPF(new(helpAll), "help-all", "", "show all flags").NoOptDefVal = "true"
}

func annotate(f *pflag.Flag, key, value string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = []string{value}
}

// helpAll is the value of --help-all: true once it was given.
type helpAll bool

func (h *helpAll) String() string { return "" }
func (h *helpAll) Type() string   { return "bool" }

// Set makes cobra show the help.
func (h *helpAll) Set(string) error {
	*h = true
	return pflag.ErrHelp
}

// isRare reports whether the help that was asked for leaves the flag out.
func isRare(cmd *cobra.Command, f *pflag.Flag) bool {
	if all := cmd.Flags().Lookup("help-all"); all != nil {
		if h, ok := all.Value.(*helpAll); ok && bool(*h) {
			return false
		}
	}
	return f.Annotations[rareKey] != nil
}

// usage prints what follows a command's description in its help.
func (t *Terminal) usage(cmd *cobra.Command) error {
	sections := flagSections(cmd)
	var b strings.Builder
	b.WriteString("Usage:\n")
	if !cmd.HasAvailableSubCommands() || len(sections) > 1 {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", cmd.CommandPath())
	}
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlias:\n  %s %s\n", cmd.Parent().CommandPath(), strings.Join(cmd.Aliases, ", "))
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	writeCommands(&b, cmd)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n%s:\n%s", s.title, s.flags.FlagUsagesWrapped(t.helpWidth()))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help shows the help of a command.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// writeCommands lists the commands below cmd by their groups.
func writeCommands(w io.Writer, cmd *cobra.Command) {
	list := func(title, group string) {
		all := slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool {
			return c.GroupID != group || !c.IsAvailableCommand() || c.Name() == "help"
		})
		if len(all) == 0 {
			return
		}
		fmt.Fprintf(w, "\n%s:\n", title)
		for _, c := range all {
			fmt.Fprintf(w, "  %-*s  %s\n", cmd.Commands()[0].NamePadding(), c.Name(), c.Short)
		}
	}
	for _, g := range cmd.Groups() {
		list(g.Title, g.ID)
	}
	list("Commands", "")
}

// A flagSection is a part of the list of a command's flags.
type flagSection struct {
	title string
	flags *pflag.FlagSet
}

// flagSections are cmd's flags as its help lists them.
func flagSections(cmd *cobra.Command) []flagSection {
	var all []flagSection
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || isRare(cmd, f) {
			return
		}
		title := sectionOf(f)
		i := slices.IndexFunc(all, func(s flagSection) bool { return s.title == title })
		if i < 0 {
			i = len(all)
			all = append(all, flagSection{title, pflag.NewFlagSet(title, pflag.ContinueOnError)})
			all[i].flags.SortFlags = false
		}
		all[i].flags.AddFlag(f)
	})
	slices.SortStableFunc(all, func(a, b flagSection) int {
		return cmp.Compare(rank(a.title), rank(b.title))
	})
	return all
}

func sectionOf(f *pflag.Flag) string {
	switch title := f.Annotations[sectionKey]; {
	case len(title) > 0:
		return title[0]
	case f.Name == "help", f.Name == "help-all":
		return CommonFlags
	}
	return "Flags"
}

// rank sorts the common flags behind all others.
func rank(title string) int {
	if title == CommonFlags {
		return 1
	}
	return 0
}

// keepFlagOrder makes the help of cmd and of the commands below it list flags in the
// order in which they were added.
func keepFlagOrder(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	for _, c := range cmd.Commands() {
		keepFlagOrder(c)
	}
}

// helpWidth is how many columns the help of flags may take.
func (t *Terminal) helpWidth() int {
	columns := t.Columns()
	if columns == 0 {
		return maxHelpWidth
	}
	return min(max(columns, 60), maxHelpWidth)
}

const maxHelpWidth = 120
