package lambda

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestLeaked: a goroutine that outlives its handler is reported, even if another
// goroutine started it. One that ends with the handler isn't.
func TestLeaked(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	leaked := make(chan string, 1)
	s := testService(t, Function{Code: inProcessOf(func(_ context.Context, event []byte) ([]byte, error) {
		ended := make(chan struct{})
		go func() {
			if string(event) == `"leak"` {
				go func() { <-stop }()
			}
			close(ended)
		}()
		<-ended
		return []byte("1"), nil
	})}, func(c *Config) {
		c.Leaked = func(function, stacks string) { leaked <- function + "\n" + stacks }
	})
	invoke(t, s, `"clean"`)
	invoke(t, s, `"leak"`)
	invoke(t, s, `"clean"`)
	got := <-leaked
	if !strings.HasPrefix(got, "f\n") || !strings.Contains(got, "TestLeaked") || len(leaked) > 0 {
		t.Errorf("leaked: %s", got)
	}
}

// TestConcurrency: reserved concurrency is for one function only.
func TestConcurrency(t *testing.T) {
	hold := make(chan struct{})
	began := make(chan struct{}, 10)
	blocking := inProcessOf(func(context.Context, []byte) ([]byte, error) {
		began <- struct{}{}
		<-hold
		return []byte("1"), nil
	})
	two := 2
	s, err := New(Config{Concurrency: 5, Functions: []Function{
		{Name: "held", Timeout: time.Minute, Code: blocking}, {Name: "own", Timeout: time.Minute, Reserved: &two, Code: blocking},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer close(hold)
	call := func(name string) { go func() { _, _ = s.Invoke(context.Background(), InvokeInput{Function: name}) }() }
	for range 3 {
		call("held")
		<-began
	}
	if _, err := s.Invoke(t.Context(), InvokeInput{Function: "held"}); !isThrottle(err) {
		t.Errorf("a fourth, of 5 with 2 reserved: %v", err)
	}
	for range 2 {
		call("own")
		<-began
	}
	if _, err := s.Invoke(t.Context(), InvokeInput{Function: "own"}); !isThrottle(err) || !strings.Contains(err.Error(), "Rate Exceeded") {
		t.Errorf("a third of the 2 that are reserved: %v", err)
	}
}
