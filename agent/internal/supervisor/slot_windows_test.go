package supervisor

import (
	"net"
	"os"
	"strings"
	"testing"
)

// Who doesn't know the key is not connected, and others are still.
func TestConnectionNeedsTheKey(t *testing.T) {
	t.Parallel()
	d := slotDir(t.TempDir())
	l, err := d.listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	b, err := os.ReadFile(d.join("address"))
	if err != nil {
		t.Fatal(err)
	}
	addr, _, _ := strings.Cut(string(b), " ")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(conn, "another key", "agent", "supervisor"); err == nil {
		t.Error("a wrong key is accepted")
	}
	c, err := d.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := <-accepted
	defer a.Close()
	if len(accepted) != 0 || a.RemoteAddr().String() != c.LocalAddr().String() {
		t.Error("the connection without the key was accepted")
	}
}
