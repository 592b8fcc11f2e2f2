// Package loopback finds addresses for servers that tests and measurements start. It
// owns nothing: an address is held by nobody until its server listens. Production code
// never imports it.
package loopback

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// Host gives a loopback address (all of 127.0.0.0/8 is, RFC 5735) that is this
// process's alone, one for each n up to 250: nobody's outgoing connection takes a port of
// it.
func Host(n uint32) string {
	pid := os.Getpid()
	return net.IPv4(127, byte(1+pid>>8&0x7f), byte(pid), byte(1+n%250)).String()
}

// Free gives host with a port that is free on it.
func Free(host string) (string, error) {
	address, err := free(host)
	if err != nil {
		return "", fmt.Errorf("cannot find a free port of %s: %w", host, err)
	}
	return address, nil
}

func free(host string) (string, error) {
	// It is bound and not listened at: a child that was forked meanwhile has the socket
	// until it executes its program, and so is in nobody's way.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte(net.ParseIP(host).To4())}); err != nil {
		return "", err
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d", host, bound.(*syscall.SockaddrInet4).Port), nil
}
