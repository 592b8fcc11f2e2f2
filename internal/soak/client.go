package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// client makes calls of the daemon and counts what came of them.
type client struct {
	base  string
	http  http.Client
	calls atomic.Int64
	// faults are answers; errors, such as a status that is not 200, are not.
	faults atomic.Int64
}

// fault is the answer to a call that was refused.
type fault string

func (f fault) Error() string { return string(f) }

// callTimeout is longer than any call takes: a stop waits for SIGKILL.
const callTimeout = time.Minute

func newClient(address string) *client {
	return &client{base: "http://" + address, http: http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 4,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}}}
}

// call makes a call. Parameters are strings, ints and bools, and pairs of strings
// for a struct.
func (c *client) call(ctx context.Context, method string, params ...any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/RPC2", bytes.NewReader(callBody(method, params)))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "text/xml")
	resp, err := c.http.Do(r)
	if err != nil {
		return "", fmt.Errorf("cannot call %s: %w", method, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("cannot read answer of %s: %w", method, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s%v: %s", method, params, resp.Status)
	}
	c.calls.Add(1)
	text := string(body)
	if strings.Contains(text, "<fault>") {
		c.faults.Add(1)
		return "", fault(text)
	}
	return text, nil
}

// ask makes a call for which a fault is an answer as good as any.
func (c *client) ask(ctx context.Context, method string, params ...any) error {
	_, err := c.call(ctx, method, params...)
	var f fault
	if errors.As(err, &f) {
		return nil
	}
	return err
}

func callBody(method string, params []any) []byte {
	b := fmt.Appendf(nil, "<?xml version='1.0'?><methodCall><methodName>%s</methodName><params>", method)
	for _, p := range params {
		b = append(b, "<param><value>"...)
		switch p := p.(type) {
		case int:
			b = fmt.Appendf(b, "<int>%d</int>", p)
		case bool:
			bit := 0
			if p {
				bit = 1
			}
			b = fmt.Appendf(b, "<boolean>%d</boolean>", bit)
		case [][2]string:
			b = append(b, "<struct>"...)
			for _, m := range p {
				b = fmt.Appendf(b, "<member><name>%s</name><value><string>%s</string></value></member>", m[0], html.EscapeString(m[1]))
			}
			b = append(b, "</struct>"...)
		default:
			b = fmt.Appendf(b, "<string>%s</string>", html.EscapeString(fmt.Sprint(p)))
		}
		b = append(b, "</value></param>"...)
	}
	return append(b, "</params></methodCall>"...)
}

// follow reads a log tail until the context ends.
func (c *client) follow(ctx context.Context, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
