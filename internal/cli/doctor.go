package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", SuggestFor: []string{"check", "health", "diagnose"},
		Short: "Check client, server and workers, and say what to do",
		Long: "Doctor checks this program and its settings, the server with its address, token and clock, the\n" +
			"workers, and this machine as a worker. Each finding says what to do. The exit code is 1 if something\n" +
			"does not work.",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"findings\": [{\"about\", \"check\", \"status\", \"detail\", \"advice\"}]}")
	return cmd
}

// A finding is what errand doctor says about one thing.
type finding struct {
	About  string        `json:"about"` // client, server, workers or agent
	Check  string        `json:"check"`
	Status findingStatus `json:"status"`
	Detail string        `json:"detail"`
	Advice string        `json:"advice,omitempty"` // what to do
}

type findingStatus string

const (
	findingOK      findingStatus = "ok"
	findingWarning findingStatus = "warning" // it works, and may surprise
	findingFault   findingStatus = "fault"   // it does not work
)

// An examination collects findings.
type examination struct {
	app      *app
	about    string
	findings []finding
}

func (e *examination) add(check string, status findingStatus, advice, format string, args ...any) {
	e.findings = append(e.findings, finding{e.about, check, status, fmt.Sprintf(format, args...), advice})
}

func (e *examination) ok(check, format string, args ...any) {
	e.add(check, findingOK, "", format, args...)
}

// fault adds an error, with its hint as the advice, else the one given.
func (e *examination) fault(check string, err error, advice string) {
	if hint := e.app.term.HintOf(err); hint != "" {
		advice = strings.TrimSuffix(hint, doctorHint)
	}
	e.add(check, findingFault, advice, "%v", err)
}

func (a *app) doctor(ctx context.Context, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	e := &examination{app: a}
	e.examineClient(ctx)
	if c := e.examineServer(ctx); c != nil {
		e.examineWorkers(ctx, c)
	}
	e.examineAgent()
	if terminal.IsInterrupted(ctx) {
		return terminal.ErrInterrupted
	}
	if asJSON {
		if err := a.term.PrintJSON(map[string][]finding{"findings": e.findings}); err != nil {
			return err
		}
	} else if err := a.printFindings(e.findings); err != nil {
		return err
	}
	faults := 0
	for _, f := range e.findings {
		if f.Status == findingFault {
			faults++
		}
	}
	if faults > 0 {
		return &terminal.ExitError{Code: terminal.ExitFailure}
	}
	return nil
}

func (a *app) printFindings(all []finding) error {
	colors := map[findingStatus]string{findingOK: terminal.Green, findingWarning: terminal.Yellow, findingFault: terminal.Red}
	about := ""
	for _, f := range all {
		if f.About != about {
			about = f.About
			if err := a.term.Print(about); err != nil {
				return err
			}
		}
		status := strings.Repeat(" ", len(findingWarning)-len(f.Status))
		line := fmt.Sprintf("  %s%s  %-8s  %s", a.term.Color(colors[f.Status], string(f.Status)), status, f.Check, terminal.ReplaceControls(f.Detail))
		if f.Advice != "" {
			line += "\n" + strings.Repeat(" ", 21) + "to do: " + terminal.ReplaceControls(f.Advice)
		}
		if err := a.term.Print(line); err != nil {
			return err
		}
	}
	return nil
}
