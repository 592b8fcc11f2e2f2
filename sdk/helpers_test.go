package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
)

type point struct {
	X    int     `rpc:"x"`
	Y    float64 `rpc:"y"`
	Note *string
	Not  int `rpc:"-"`
}

type tree struct {
	Name string
	Sons []tree
}

// sample has a method of each form.
type sample struct {
	host   sdk.Host
	closed *bool
	gate   error
}

func (s *sample) BeforeCall(context.Context, string) error { return s.gate }

func (s *sample) Close() error {
	*s.closed = true
	return nil
}

// Add adds.
//
// @param int a       One number
// @param int8 b      Another
// @return int        Their sum
func (s *sample) Add(a int, b int8) (int, error) { return a + int(b), nil }

// HTTPGet has no tags.
func (s *sample) HTTPGet(ctx context.Context) string { return "got" }

func (s *sample) Nothing()              {}
func (s *sample) Only() error           { return nil }
func (s *sample) Bare(err string) error { return errors.New(err) }
func (s *sample) Wrapped() error {
	return fmt.Errorf("wrapped: %w", &sdk.Fault{Code: 777, Message: "MINE"})
}
func (s *sample) Panics(ctx context.Context) error { panic("oops") }

func (s *sample) Echo(v sdk.Value) sdk.Value                { return v }
func (s *sample) Bytes(b []byte) []byte                     { return b }
func (s *sample) Time(t time.Time) time.Time                { return t }
func (s *sample) List(l []string) []string                  { return l }
func (s *sample) Map(m map[string]uint16) map[string]uint16 { return m }
func (s *sample) Point(p point) point                       { return p }
func (s *sample) Tree(t tree) tree                          { return t }
func (s *sample) Struct(v sdk.Struct) sdk.Struct            { return v }
func (s *sample) Float(f float32) float32                   { return f }
func (s *sample) Flag(b bool) bool                          { return b }
func (s *sample) Dynamic() map[string][]sdk.Value {
	return map[string][]sdk.Value{"b": {nil}, "a": nil}
}
func (s *sample) Large() uint64 { return 1 << 63 }
func (s *sample) Optional(a string, b sdk.Optional[int], c sdk.Optional[sdk.Value]) string {
	_, given := c.Get()
	return fmt.Sprint(a, b.Or(-1), given)
}

func (s *sample) Caller(ctx context.Context) string {
	c := sdk.CallerFrom(ctx)
	return fmt.Sprint(c.User, " ", c.Peer, " ", c.Server, " ", sdk.StateFrom(ctx))
}

func (s *sample) Outside() string {
	return fmt.Sprint(sdk.CallerFrom(context.Background()), sdk.StateFrom(context.Background()))
}

func (s *sample) Relay(ctx context.Context, token, method string) (sdk.Value, error) {
	return s.host.Call(ctx, token, method, []sdk.Value{sdk.Int(1)})
}

func newSample(closed *bool, gate error) sdk.Plugin {
	return sdk.Plugin{
		Version: "2",
		Factory: sdk.FactoryOf(func(host sdk.Host, cfg sdk.Config) (*sample, error) {
			return &sample{host: host, closed: closed, gate: gate}, nil
		}),
	}
}
