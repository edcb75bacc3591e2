package process_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The programs that tests run are this test binary, re-executed with
// PROCESS_TEST_ROLE in its environment, or role=ROLE as its argument.
func TestMain(m *testing.M) {
	role, ok := strings.CutPrefix(os.Args[len(os.Args)-1], "role=")
	if !ok {
		role = os.Getenv("PROCESS_TEST_ROLE")
	}
	if role != "" {
		play(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// long is longer than any test: who waits for it was not killed.
const long = 10 * time.Minute

func play(role string) {
	switch role {
	case "streams":
		fmt.Fprint(os.Stdout, "out\xff\x00")
		fmt.Fprint(os.Stderr, "err")
		os.Exit(3)
	case "stdin":
		b, err := io.ReadAll(os.Stdin)
		fmt.Printf("%d %v", len(b), err)
	case "env":
		fmt.Print(strings.Join(os.Environ(), "\n"))
	case "sleep":
		fmt.Println("ready")
		time.Sleep(long)
	case "polite":
		c := make(chan os.Signal, 1)
		signal.Notify(c, endSignal)
		fmt.Println("ready")
		<-c
		fmt.Println("bye")
		os.Exit(7)
	case "shell": // ends at once; what it runs takes longer than the pipes wait
		start(again("slow"))
		time.Sleep(long)
	case "slow":
		c := make(chan os.Signal, 1)
		signal.Notify(c, endSignal)
		fmt.Println("ready")
		<-c
		time.Sleep(300 * time.Millisecond)
		fmt.Println("bye")
	case "stubborn":
		signal.Ignore(endSignal)
		fmt.Println("ready")
		time.Sleep(long)
	case "orphan": // a child of ours keeps our pipes and outlives us
		start(again("sleep"))
		fmt.Println("parent is done")
	case "flood":
		line := strings.Repeat("x", 10<<20)
		fmt.Println(line)
	case "arguments":
		fmt.Println(strings.Join(os.Args[1:], "|"))
	default:
		playHere(role)
	}
}

// again is this program in another role.
func again(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PROCESS_TEST_ROLE="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

func start(cmd *exec.Cmd) {
	if err := cmd.Start(); err != nil {
		panic(err)
	}
}
