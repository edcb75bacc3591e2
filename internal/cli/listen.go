package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// listenFlags say where a server listens.
type listenFlags struct {
	addr       string
	insecure   bool
	tlsCert    string
	tlsKey     string
	allowHosts []string
}

func (f *listenFlags) addListenFlags(fl *pflag.FlagSet) {
	fl.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 selects a free port")
	fl.StringVar(&f.tlsCert, "tls-cert", "", "serve HTTPS with the certificate in this `file`")
	fl.StringVar(&f.tlsKey, "tls-key", "", "`file` with the certificate's private key")
	fl.BoolVar(&f.insecure, "insecure", false, "allow connections from other machines without TLS")
	fl.StringArrayVar(&f.allowHosts, "allow-host", nil, "accept requests for this host `name`; can be repeated")
}

// listen opens the address. Off loopback it wants TLS, or to be told that there
// is none: tokens and sources would be there to read for anyone on the way.
func (f *listenFlags) listen() (ln net.Listener, baseURL string, err error) {
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return nil, "", terminal.UsageErrorf("--tls-cert and --tls-key must be set together")
	}
	host, _, err := net.SplitHostPort(f.addr)
	if err != nil {
		return nil, "", terminal.UsageErrorf("--addr must be host:port, like 127.0.0.1:8080: %w", err)
	}
	ln, err = net.Listen("tcp", f.addr)
	if err != nil {
		return nil, "", err // hintFor says what to do
	}
	at := ln.Addr().(*net.TCPAddr)
	if f.tlsCert == "" && !f.insecure && !at.IP.IsLoopback() {
		_ = ln.Close() // nobody has connected
		return nil, "", terminal.WithHint(terminal.UsageErrorf("%s is reachable from other machines, and tokens would be sent unencrypted", f.addr),
			"set --tls-cert and --tls-key, or --insecure")
	}
	scheme := "http"
	if f.tlsCert != "" {
		if ln, err = f.withTLS(ln); err != nil {
			return nil, "", err
		}
		scheme = "https"
	}
	return ln, scheme + "://" + net.JoinHostPort(shownHost(host, at.IP), fmt.Sprint(at.Port)), nil
}

// shownHost is the host by which this machine reaches the server.
func shownHost(host string, ip net.IP) string {
	switch {
	case ip.IsUnspecified():
		return "127.0.0.1"
	case host == "" || host == "localhost":
		return ip.String()
	}
	return host
}

func (f *listenFlags) withTLS(ln net.Listener) (net.Listener, error) {
	cert, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the TLS certificate in %s and its key in %s: %w", f.tlsCert, f.tlsKey, err), ln.Close())
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	return tls.NewListener(ln, config), nil
}

// hosts are the names that the server answers to, without ports: its own, those
// of loopback, and those that were allowed. A page of a foreign name that was
// made to lead here (DNS rebinding) is refused by it.
func (f *listenFlags) hosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	own, _, _ := net.SplitHostPort(f.addr) // listen has checked it
	for _, h := range append(slices.Clone(f.allowHosts), own) {
		h = api.HostName(h)
		if ip := net.ParseIP(h); h == "" || ip != nil && ip.IsUnspecified() || slices.Contains(hosts, h) {
			continue
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// guardHosts refuses requests for other names. The API answers those for its
// routes itself, in its own form.
func guardHosts(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") && !slices.Contains(hosts, api.HostName(r.Host)) {
			http.Error(w, "this host name is not allowed; the server's operator can allow it with --allow-host", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
