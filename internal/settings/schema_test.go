package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var schemaPath = filepath.Join("..", "..", "docs", "errand.schema.json")

// cases are contents of an errand.yaml, and the parser's error, or "".
var cases = []struct{ yaml, want string }{
	{"tasks: {build: {commands: make}}", ""},
	{"tasks: {build: {commands: [make, {argv: [go, test, ./...]}, true, 7]}}", ""},
	{"tasks: {a: &a {commands: x, env: {A: 1, B: true, C: ''}}, b: *a}", ""},
	{`
tasks:
  deploy:prod:
    description: Deploy
    folder: site/dist
    commands:
      - npm ci
    env: {NODE_ENV: production}
    name: a deploy
    shell: bash
    continueOnError: true
    terminal: false
    include: dist
    exclude: ["*.log", tmp/]
    queue: linux
    group: deploy
    retries: 2
    retryOnExit: [75, 1]
    maxTries: 4
    memory: 512MiB
    cpus: 1.5
    pids: 100
    git: true
    requires: [gpu=h200, cpus>=8]
    artifacts: [dist, "*.xml"]
    timeout: 1d12h
    lease: 90
    after: [build, "build:any"]
  build: {commands: make}
`, ""},
	{`tasks: {a: {commands: x, cache: {key: 'go-{{ checksum "go.sum" }}', paths: ~/.cache/go-build}}, b: {commands: x, cache: [{key: a, paths: [x, y], prefixes: [b, c]}]}}`, ""},
	{"tasks: {a: {commands: x, cache: {paths: x}}}", "errand.yaml:1:33: cache has no key"},
	{"tasks: {a: {commands: x, cache: [{key: x}]}}", "errand.yaml:1:34: cache[0] has no paths"},
	{"tasks: {a: {commands: x, cache: [{key: x, paths: y, restore-keys: z}]}}", `errand.yaml:1:53: cache[0] has no field "restore-keys" (did you mean prefixes?); its fields: key, paths, prefixes`},
	{"tasks: {a: {commands: ' '}}", "errand.yaml:1:23: commands is empty"},
	{"tasks: {a: {commands: [{argv: []}]}}", "errand.yaml:1:24: commands[0] is empty"},
	{"", "errand.yaml:1:1: the file is empty; it needs tasks"},
	{"tasks: {}", "errand.yaml:1:1: the file has no tasks"},
	{"[]", `errand.yaml:1:1: errand.yaml must be a mapping, like "name: value"`},
	{"build: {commands: make}", `errand.yaml:1:1: errand.yaml has no field "build"; its fields: tasks`},
	{"tasks: [build]", `errand.yaml:1:8: tasks must be a mapping of names to tasks, like "build: {commands: make}", not a list`},
	{"tasks: {build: make}", `errand.yaml:1:16: task "build" must have fields, like "build: {commands: make}"`},
	{"tasks:\n  build:\n    command: make\n", `errand.yaml:3:5: task "build" has no field "command" (did you mean commands?); its fields: after, `},
	{"tasks: {a: {run: make}}", `errand.yaml:1:13: task "a" has no field "run" (did you mean commands?); its fields: `},
	{"tasks: {a: {depends_on: b}}", `errand.yaml:1:13: task "a" has no field "depends_on" (did you mean after?); its fields: `},
	{"tasks:\n  build:\n    comands: make\n", `errand.yaml:3:5: task "build" has no field "comands" (did you mean commands?); its fields: after, artifacts, cache, commands, continueOnError, `},
	{"tasks: {build: {}}", `errand.yaml:1:9: task "build" has no commands`},
	{"tasks: {build: {commands: []}}", `errand.yaml:1:9: task "build" has no commands`},
	{"tasks: {build: {commands: [x, '']}}", `errand.yaml:1:31: commands[1] is empty`},
	{"tasks: {build: {commands: {x: y}}}", `errand.yaml:1:27: commands must be a line for the shell, or a list`},
	{"tasks: {build: {commands: [{args: [x]}]}}", `errand.yaml:1:29: commands[0] has no field "args" (did you mean argv?); its fields: argv`},
	{"tasks: {build: {commands: [[x]]}}", `errand.yaml:1:28: commands[0] must be text`},
	{"tasks: {-x: {commands: y}}", `errand.yaml:1:9: the name of task "-x" must be 1 to 64 letters`},
	{"tasks: {a: {commands: x, timeout: soon}}", `errand.yaml:1:35: timeout must be a duration like 90s, 10m or 1d, got "soon"`},
	{"tasks: {a: {commands: x, retries: -1}}", `errand.yaml:1:35: retries must be a whole number, got "-1"`},
	{"tasks: {a: {commands: x, retries: two}}", `errand.yaml:1:35: retries must be a whole number, got "two"`},
	{"tasks: {a: {commands: x, terminal: maybe}}", `errand.yaml:1:36: terminal must be true or false, got "maybe"`},
	{"tasks: {a: {commands: x, queue: [a]}}", `errand.yaml:1:33: queue must be text`},
	{"tasks: {a: {commands: x, queue: null}}", `errand.yaml:1:33: queue must be text`},
	{"tasks: {a: {commands: x, exclude: [[a]]}}", `errand.yaml:1:36: exclude[0] must be text`},
	{"tasks: {a: {commands: x, env: [A]}}", `errand.yaml:1:31: env must be a mapping`},
	{"tasks: {a: {commands: x, env: {1A: x}}}", `errand.yaml:1:32: the name of a variable must match`},
	{"tasks: {a: {commands: x, server: http://x}}", `errand.yaml:1:26: a project's file can't set "server", since it may come from somebody else`},
	{"context: prod\ntasks: {a: {commands: x}}", `errand.yaml:1:1: a project's file can't set "context"`},
	{"tasks: {a: {commands: x, token: x}}", `errand.yaml:1:26: a project's file can't set "token"`},
	{"tasks: {a: {commands: x, after: -}}", `errand.yaml:1:33: after must be names of tasks, like build or build:any, got "-"`},
	{"version: 1\ntasks: {a: {commands: x}}", `errand.yaml:1:1: errand.yaml has no field "version"; its fields: tasks`},
}

// TestSchema: docs/errand.schema.json accepts what the parser accepts, and the other way
// round.
func TestSchema(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range cases {
		_, err := ReadTasks(strings.NewReader(tt.yaml))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s\n%s; want %s", tt.yaml, got, tt.want)
		}
		var fault *Error
		if err != nil && (!errors.As(err, &fault) || fault.Line == 0) {
			t.Errorf("%s: %v has no place", tt.yaml, err)
		}
		var v any
		if err := yaml.Unmarshal([]byte(tt.yaml), &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, v)); (err == nil) != (tt.want == "") {
			t.Errorf("%s\nthe schema says %v", tt.yaml, err)
		}
	}
}

func asJSON(t *testing.T, v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSchemaFields: the schema has the fields that a task has, with their kinds and forms.
func TestSchemaFields(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Task struct {
				Properties map[string]struct {
					Ref string `json:"$ref"`
				}
			}
			Duration, Number struct{ AnyOf []struct{ Pattern string } }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	kinds := map[Kind]string{Text: "text", Number: "number", Duration: "duration", Bool: "bool", List: "texts"}
	want := []string{"after", "cache", "commands", "description", "env", "folder"}
	for _, k := range SettingKinds {
		want = append(want, k.Key)
		if got := schema.Defs.Task.Properties[k.Key].Ref; got != "#/$defs/"+kinds[k.Kind] {
			t.Errorf("%s is %q in the schema, and %s in a task", k.Key, got, k.Kind)
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(schema.Defs.Task.Properties)); !slices.Equal(got, want) {
		t.Errorf("the schema has the fields %v, a task %v", got, want)
	}
	if got := schema.Defs.Duration.AnyOf[1].Pattern; got != durationPattern {
		t.Errorf("the pattern of durations is %s, in a task %s", got, durationPattern)
	}
	if got := schema.Defs.Number.AnyOf[1].Pattern; got != numberPattern {
		t.Errorf("the pattern of numbers is %s, in a task %s", got, numberPattern)
	}
}

// TestYAMLErrors: what is no YAML is told with its line; a file has one document.
func TestYAMLErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tasks:\n\tbuild: x\n":                                      `^errand.yaml:2:1: found character that cannot start any token`,
		"tasks: {a: {commands: x}}\n---\ntasks: {}\n":               `^errand.yaml: the file must have one YAML document`,
		"tasks: {a: {commands: x}, a: {commands: y}}\n":             `^errand.yaml:1:27: "a" is there twice in tasks`,
		"tasks: {a: {commands: x, folder: ../b}}\n":                 `^errand.yaml:1:34: folder must be a folder below that of errand.yaml`,
		"tasks: {a: {commands: x, folder: /etc}}\n":                 `^errand.yaml:1:34: folder must be`,
		"tasks: {a: {commands: x, folder: 'a\\b'}}\n":               `^errand.yaml:1:34: folder must be`,
		"tasks: {? [a] : {commands: x}}\n":                          `^errand.yaml:1:11: a key of tasks must be text`,
		"tasks: {a: {commands: x}}\n#" + strings.Repeat("x", 1<<20): `larger than 1048576 bytes`,
	} {
		if _, err := ReadTasks(strings.NewReader(text)); err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("%.60q: %v; want %s", text, err, want)
		}
	}
}

// TestAfter: a task may wait for tasks that there are, and not for itself.
func TestAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tasks: {a: {commands: x, after: b}, b: {commands: y}}":                                      "",
		"tasks: {a: {commands: x, after: ['b:any', 'c:x']}, b: {commands: y}, 'c:x': {commands: z}}": "",
		"tasks: {a: {commands: x, after: b}}":                                                        `errand.yaml:1:33: there is no task "b"; the tasks are a`,
		"tasks: {a: {commands: x, after: [b, 'b:maybe']}, b: {commands: y}}":                         `errand.yaml:1:37: after must end in the name of a task, or in :success, :failure or :any, got "b:maybe"`,
		"tasks: {a: {commands: x, after: a}}":                                                        `errand.yaml:1:33: task "a" waits for itself`,
		"tasks: {a: {commands: x, after: b}, b: {commands: y, after: 'a:any'}}":                      `errand.yaml:1:61: the tasks wait for each other: a, b, a`,
		"tasks: {a: {commands: x, after: [" + strings.Repeat("b,", 21) + "]}, b: {commands: y}}":     `errand.yaml:1:33: after must name at most 20 tasks, got 21`,
	} {
		got := ""
		if _, err := ReadTasks(strings.NewReader(text)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.80s\n%s; want %s", text, got, want)
		}
	}
}

// TestBefore: each task once, behind those it waits for, at whatever depth: a hostile file
// costs no more than its size.
func TestBefore(t *testing.T) {
	t.Parallel()
	text := "tasks:\n  l0: {commands: x}\n"
	for i := 1; i < 100; i++ {
		text += fmt.Sprintf("  l%d: {commands: x, after: [l%d, 'l%[2]d:any']}\n", i, i-1)
	}
	tasks, err := ReadTasks(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p := &Project{Tasks: tasks}
	before := p.Before(p.Task("l99"))
	if len(before) != 99 || before[0].Name != "l0" || before[98].Name != "l98" {
		t.Errorf("%d tasks before the last", len(before))
	}
}
