package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) workersCommand(use string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, SuggestFor: []string{"nodes", "hosts", "machines", "agents"},
		Short: "List workers",
		Args:  terminal.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.workers(cmd.Context(), asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"workers\": […]}")
	return cmd
}

func (a *app) workers(ctx context.Context, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := listWorkers(ctx, c)
	if err != nil {
		return err
	}
	if asJSON {
		return a.term.PrintJSON(list)
	}
	rows := make([][]string, 0, len(list.Workers))
	for i := range list.Workers {
		rows = append(rows, a.workerRow(&list.Workers[i]))
	}
	return a.term.PrintTable([]string{"ID", "NAME", "STATUS", "SLOTS", "QUEUES", "LABELS", "VERSION", "DISK", "SEEN", "RUNS"}, rows,
		"VERSION", "DISK", "QUEUES", "ID", "SLOTS", "SEEN", "LABELS")
}

func listWorkers(ctx context.Context, c *api.Client) (api.WorkerList, error) {
	list := api.WorkerList{Workers: []api.Worker{}}
	for {
		page, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.WorkerList, error) { return c.Workers(ctx, list.Next) })
		if err != nil {
			return list, err
		}
		list.Workers, list.Next = append(list.Workers, page.Workers...), page.Next
		if list.Next == "" {
			return list, nil
		}
	}
}

func (a *app) workerRow(w *api.Worker) []string {
	status := string(w.Status)
	if !w.Online {
		status = "offline"
	}
	return []string{
		w.ID, terminal.FirstLine(w.Name, 40), status, fmt.Sprintf("%d/%d", len(w.Jobs), w.Slots), strings.Join(w.Queues, ","),
		terminal.FirstLine(labelsText(w), 100), terminal.FirstLine(w.Version, 20), diskText(w.DiskFree), a.term.FormatTime(w.LastSeen),
		strings.Join(w.Jobs, ","),
	}
}

// labelsText is os/arch, then the other labels by name.
func labelsText(w *api.Worker) string {
	parts := []string{w.OS + "/" + w.Arch}
	for _, name := range slices.Sorted(maps.Keys(w.Labels)) {
		if name != errand.LabelOS && name != errand.LabelArch {
			parts = append(parts, name+"="+w.Labels[name])
		}
	}
	return strings.Join(parts, " ")
}

// diskText is the free space in GB; a dash if it is not known.
func diskText(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fG", float64(bytes)/(1<<30))
}
