// Freeport prints a port of the loopback interface on which nobody listens, for
// programs that can't choose one themselves.
package main

import (
	"fmt"
	"log"
	"net"
)

func main() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ln.Addr().(*net.TCPAddr).Port)
	if err := ln.Close(); err != nil {
		log.Fatal(err)
	}
}
