package infra

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "infra", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// resources are a template's, with CloudFormation's short functions as text.
func resources(t *testing.T, text []byte) (doc struct {
	Parameters map[string]any `yaml:"Parameters"`
	Resources  map[string]struct {
		Type       string         `yaml:"Type"`
		Properties map[string]any `yaml:"Properties"`
	} `yaml:"Resources"`
	Outputs map[string]any `yaml:"Outputs"`
}) {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	untag(&n)
	if err := n.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func untag(n *yaml.Node) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		n.Tag = map[yaml.Kind]string{yaml.ScalarNode: "!!str", yaml.SequenceNode: "!!seq", yaml.MappingNode: "!!map"}[n.Kind]
	}
	for _, c := range n.Content {
		untag(c)
	}
}

const marker = "# The rest is the same in infra/fleet.yaml.\n"

// userData is what a fleet's host is given: the settings, then the script.
func userData(t *testing.T) (settings, script string) {
	t.Helper()
	data := resources(t, []byte(read(t, "fleet.yaml"))).Resources["Template"].Properties["LaunchTemplateData"].(map[string]any)
	parts := data["UserData"].(map[string]any)["Fn::Base64"].(map[string]any)["Fn::Join"].([]any)[1].([]any)
	if len(parts) != 2 {
		t.Fatalf("the user data has %d parts", len(parts))
	}
	return parts[0].(string), parts[1].(string)
}

// TestUserData: there is one script, in a file and in the fleet's template.
func TestUserData(t *testing.T) {
	settings, script := userData(t)
	head, body, ok := strings.Cut(read(t, "agent-user-data.sh"), marker)
	if !ok || strings.TrimSpace(script) != strings.TrimSpace(body) {
		t.Error("infra/fleet.yaml has another script than infra/agent-user-data.sh")
	}
	names := regexp.MustCompile(`(?m)^(ERRAND_[A-Z0-9_]+)=`)
	if got, want := names.FindAllString(settings, -1), names.FindAllString(head, -1); !slices.Equal(got, want) {
		t.Errorf("the fleet sets %v, the script wants %v", got, want)
	}
	if n := len(settings) + len(script); n > 16<<10 {
		t.Errorf("user data of %d bytes: EC2 takes 16 KB", n)
	}
	if !strings.Contains(body, "<<'END'\n"+read(t, "systemd/errand-agent.service")+"END\n") {
		t.Error("the script writes another unit than infra/systemd/errand-agent.service")
	}
	for name, text := range map[string]string{"the file": head + marker + body, "the fleet's": settings + script} {
		shell(t, name, text)
	}
}

// shell checks a script's syntax.
func shell(t *testing.T, name, text string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("skipped: there is no bash to check scripts with")
	}
	cmd := exec.CommandContext(t.Context(), bash, "-n")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

// TestDrainHook: the host's script and the group name one hook.
func TestDrainHook(t *testing.T) {
	_, script := userData(t)
	group := resources(t, []byte(read(t, "fleet.yaml"))).Resources["Group"].Properties
	hook := group["LifecycleHookSpecificationList"].([]any)[0].(map[string]any)
	name := hook["LifecycleHookName"].(string)
	if n := strings.Count(script, "--lifecycle-hook-name "+name+" "); n != 2 || hook["LifecycleTransition"] != "autoscaling:EC2_INSTANCE_TERMINATING" {
		t.Errorf("hook %v, named %d times in the script", hook, n)
	}
}

// TestFleetFits: what the fleet asks for, the control plane's stack puts out.
func TestFleetFits(t *testing.T) {
	outputs := resources(t, errand.Template).Outputs
	tf := read(t, "terraform/main.tf") + read(t, "terraform/outputs.tf")
	for _, m := range regexp.MustCompile(`outputs\["(\w+)"\]`).FindAllStringSubmatch(tf, -1) {
		if outputs[m[1]] == nil {
			t.Errorf("terraform reads the output %s, which template.yaml doesn't have", m[1])
		}
	}
	parameters := resources(t, []byte(read(t, "fleet.yaml"))).Parameters
	for _, name := range []string{"ServerUrl", "QueueName"} {
		if parameters[name] == nil || !strings.Contains(tf, name+" = ") {
			t.Errorf("the fleet's parameter %s isn't given", name)
		}
	}
}

// TestDashboardReadsAllLogs: the dashboard's list of errors reads the log of every function
// but direct mode's, which logs nothing of its own.
func TestDashboardReadsAllLogs(t *testing.T) {
	for name, r := range resources(t, errand.Template).Resources {
		if r.Type == "AWS::Logs::LogGroup" && name != "DirectLogs" && !strings.Contains(string(errand.Template), "SOURCE '${"+name+"}'") {
			t.Errorf("the dashboard doesn't read %s", name)
		}
	}
}

// TestUnits: the XML is whole, and the systemd unit is what systemd takes.
func TestUnits(t *testing.T) {
	for _, name := range []string{"launchd/com.errandhq.agent.plist", "windows/errand-agent.xml"} {
		dec := xml.NewDecoder(strings.NewReader(read(t, name)))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("skipped: there is no systemd-analyze to check the unit with")
	}
	// It wants the program and the user to be there. One before 254 says that it ignores
	// DelegateSubgroup.
	unit := strings.NewReplacer("/usr/local/bin/errand", "/bin/true", "User=errand\n", "", "DelegateSubgroup=agent\n", "").Replace(read(t, "systemd/errand-agent.service"))
	file := filepath.Join(t.TempDir(), "errand-agent.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", file).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("errand-agent.service:")) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// TestDrainLetsJobsFinish: a service manager that killed what the agent runs, or
// waited a minute only, would undo what draining is for.
func TestDrainLetsJobsFinish(t *testing.T) {
	for name, want := range map[string][]string{
		"systemd/errand-agent.service":     {"\nKillMode=process\n", "\nTimeoutStopSec=infinity\n", "\nOOMPolicy=continue\n"},
		"launchd/com.errandhq.agent.plist": {"<key>AbandonProcessGroup</key><true/>", "<key>ExitTimeOut</key><integer>86400</integer>"},
		"windows/errand-agent.xml":         {"<stoptimeout>24 hours</stoptimeout>"},
	} {
		for _, w := range want {
			if !strings.Contains(read(t, name), w) {
				t.Errorf("%s lacks %q", name, w)
			}
		}
	}
}
