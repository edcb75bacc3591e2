package supervisor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/errandhq/errand/internal/durable"
)

// listen listens on the loopback interface: Windows limits the path of a Unix socket,
// and Wine has neither those nor asynchronous named pipes. The file address has the
// address and a key, which both sides prove to know. The caller holds the lock.
func (d slotDir) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	key := rand.Text()
	if err := durable.WriteFile(durable.OS, d.join("address"), []byte(l.Addr().String()+" "+key), 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return &keyedListener{l, key}, nil
}

// connect connects to the supervisor.
func (d slotDir) connect(ctx context.Context) (net.Conn, error) {
	b, err := os.ReadFile(d.join("address"))
	if err != nil {
		return nil, err
	}
	addr, key, _ := strings.Cut(string(b), " ")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := prove(conn, key, "agent", "supervisor"); err != nil {
		return nil, err
	}
	return conn, nil
}

// keyedListener accepts only connections of those who know the key.
type keyedListener struct {
	net.Listener
	key string
}

func (l *keyedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if prove(conn, l.key, "supervisor", "agent") == nil {
			return conn, nil
		}
	}
}

const nonceBytes = 32

// proofTime limits how long the other side may take to prove that it knows the key.
const proofTime = answerTime / 4

// prove proves to the other side that this one knows the key, and checks its proof. It
// closes the connection if that fails.
func prove(conn net.Conn, key, self, other string) (err error) {
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	var mine, theirs [nonceBytes]byte
	_, _ = rand.Read(mine[:]) // never fails
	proof := make([]byte, sha256.Size)
	err = errors.Join(conn.SetDeadline(time.Now().Add(proofTime)), write(conn, mine[:]), read(conn, theirs[:]),
		write(conn, seal(key, self, theirs[:])), read(conn, proof), conn.SetDeadline(time.Time{}))
	if err == nil && !hmac.Equal(proof, seal(key, other, mine[:])) {
		err = errors.New("the other side does not know the key")
	}
	return err
}

// seal is what the side called who answers to a nonce.
func seal(key, who string, nonce []byte) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(who))
	h.Write(nonce)
	return h.Sum(nil)
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

func read(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	return err
}
