package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

const editHead = `# The settings of the new job, by their names in docs/api.md. It gets the files of
# job %s.
# Lines that begin with # are ignored. Without changes or commands, no job is created.
`

// edit lets the user change the settings of a job in an editor, as YAML. The job's files
// stay. file has what the user wrote; keepEdited removes it. Errors: nothing was changed.
func (a *app) edit(ctx context.Context, id string, body api.CreateJob) (_ api.CreateJob, file string, err error) {
	source, watch := body.Source, body.Watch
	body.Source, body.Watch = nil, false
	text, err := settingsYAML(body)
	if err != nil {
		return body, "", err
	}
	text = fmt.Sprintf(editHead, id) + text
	edited, file, err := a.editText(ctx, text)
	if err != nil {
		return body, file, err
	}
	if edited == text {
		return body, file, errors.New("nothing was changed, so no job is created")
	}
	again, err := parseSettingsYAML(edited)
	if err != nil {
		return body, file, fmt.Errorf("the settings: %w", withoutCode(err))
	}
	again.Source, again.Watch = source, watch
	return again, file, nil
}

// keepEdited removes the file with what the user wrote, unless the error is about that: then
// a hint names the file.
func keepEdited(file string, err error) error {
	var field *errand.Error
	if file != "" && (errors.As(err, &field) || api.CodeOf(err) == errand.CodeInvalidField) {
		return terminal.WithHint(err, "your text is in "+errand.QuoteWord(file))
	}
	_ = os.Remove(file) // a temporary one, if any
	return err
}

// settingsYAML writes a request as YAML, in the order of its fields.
func settingsYAML(body api.CreateJob) (string, error) {
	doc, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("write the settings: %w", err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(doc, &n); err != nil { // JSON is YAML
		return "", fmt.Errorf("write the settings: %w", err)
	}
	useBlocks(&n)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&n), enc.Close()); err != nil {
		return "", fmt.Errorf("write the settings: %w", err)
	}
	return b.String(), nil
}

// useBlocks drops the style of JSON: braces and quotes.
func useBlocks(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		useBlocks(c)
	}
}

// Errors: *errand.Error.
func parseSettingsYAML(text string) (body api.CreateJob, err error) {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return body, errand.Errorf(errand.CodeMalformed, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if v == nil {
		return body, errors.New("there are no commands, so no job is created")
	}
	doc, err := json.Marshal(v)
	if err != nil {
		return body, errand.Errorf(errand.CodeMalformed, "%v", err)
	}
	if body, err = api.ParseCreateJob(doc); err == nil {
		err = body.Check()
	}
	if field := (*errand.Error)(nil); errors.As(err, &field) && field.Field == "commands" && len(body.Commands) == 0 {
		err = errand.InvalidField("commands", "there are no commands, so no job is created")
	}
	return body, err
}

// editText lets the user edit a text with $VISUAL or $EDITOR, in a file that the caller removes.
func (a *app) editText(ctx context.Context, text string) (edited, file string, err error) {
	f, err := os.CreateTemp("", "errand-rerun-*.yaml") // readable only by the user: variables may be secrets
	if err != nil {
		return "", "", fmt.Errorf("edit the settings: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", f.Name(), fmt.Errorf("edit the settings: %w", err)
	}
	cmd := a.editorCommand(ctx, f.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		err = terminal.WithHint(fmt.Errorf("run the editor: %w", err), "set EDITOR to a program that edits a file")
		return "", f.Name(), terminal.InterruptOr(ctx, err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		return "", f.Name(), fmt.Errorf("edit the settings: %w", err)
	}
	return string(b), f.Name(), nil
}

// editorCommand runs the user's editor, which may have arguments, by the shell.
func (a *app) editorCommand(ctx context.Context, file string) *exec.Cmd {
	editor := cmp.Or(a.getenv("VISUAL"), a.getenv("EDITOR"))
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(cmp.Or(editor, "notepad")), file)
		return exec.CommandContext(ctx, words[0], words[1:]...)
	}
	return exec.CommandContext(ctx, "/bin/sh", "-c", cmp.Or(editor, "vi")+" "+errand.QuoteWord(file))
}
