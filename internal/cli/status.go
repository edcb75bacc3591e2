package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", SuggestFor: []string{"info", "df"},
		Short: "Show the server's jobs, workers and what it stores",
		Long: "Status shows how many jobs wait and run, how many workers are online, and how much is stored.\n" +
			"Sizes require an admin's token, and a server other than AWS. errand job shows one job.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return terminal.WithHint(terminal.UsageErrorf("status takes no arguments, got %q", args[0]), "errand job ID shows a job")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"server\", \"queues\", \"workers\", \"storage\"}")
	return cmd
}

// serverStatus is what errand status prints.
type serverStatus struct {
	Server  string          `json:"server"`
	Queues  []api.Queue     `json:"queues"`
	Workers []api.Worker    `json:"workers"`
	Storage *errand.Storage `json:"storage,omitempty"`
	// unknown says why there is no Storage.
	unknown string
}

func (a *app) status(ctx context.Context, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.clientAs(adminTokenFile)
	if err != nil {
		return err
	}
	st, err := a.readStatus(ctx, c)
	if err != nil {
		return terminal.InterruptOr(ctx, err)
	}
	if asJSON {
		return a.term.PrintJSON(st)
	}
	return a.term.Print(strings.TrimSuffix(st.text(), "\n"))
}

func (a *app) readStatus(ctx context.Context, c *api.Client) (*serverStatus, error) {
	queues, err := callWithRetry(ctx, retryFirst, c.Queues)
	if err != nil {
		return nil, err
	}
	workers, err := listWorkers(ctx, c)
	if err != nil {
		return nil, err
	}
	st := &serverStatus{Server: c.BaseURL, Queues: queues.Queues, Workers: workers.Workers}
	storage, err := c.Storage(ctx)
	switch {
	case err == nil:
		st.Storage = &storage
	case isNotThere(err):
		st.unknown = "see the bucket"
	case api.CodeOf(err) == errand.CodeForbidden:
		st.unknown = "requires an admin's token"
	default:
		return nil, err
	}
	own, err := a.folderCaches(nil, true)
	if err != nil {
		return nil, err
	}
	if st.Storage != nil {
		st.Storage.Kinds = append(st.Storage.Kinds, own)
	}
	return st, nil
}

func (s *serverStatus) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s%s\n", name+":", fmt.Sprintf(format, args...))
	}
	line("server", "%s", s.Server)
	pending, running := 0, 0
	for _, q := range s.Queues {
		if f := q.Figures; f != nil {
			pending, running = pending+f.Pending, running+f.Running
		}
	}
	line("jobs", "%d pending, %d running", pending, running)
	online, slots, used := 0, 0, 0
	for i := range s.Workers {
		if w := &s.Workers[i]; w.Online {
			online, slots, used = online+1, slots+w.Slots, used+len(w.Jobs)
		}
	}
	line("workers", "%d of %d online, %s free", online, len(s.Workers), count(max(slots-used, 0), "slot"))
	if s.Storage == nil {
		line("stored", "%s", s.unknown)
		return b.String()
	}
	for _, k := range s.Storage.Kinds {
		line(k.Kind, "%s in %s", terminal.FormatBytes(k.Bytes), count(k.Items, "file"))
	}
	if s.Storage.FreeBytes > 0 {
		line("disk", "%s free", terminal.FormatBytes(s.Storage.FreeBytes))
	}
	return b.String()
}
