package mainlog

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestHCLog(t *testing.T) {
	tests := []struct {
		name string
		log  func(l hclog.Logger)
		want string
	}{
		{"trace", func(l hclog.Logger) { l.Trace("m") }, "TRAC hello: m\n"},
		{"debug", func(l hclog.Logger) { l.Debug("m") }, "DEBG hello: m\n"},
		{"info", func(l hclog.Logger) { l.Info("m") }, "INFO hello: m\n"},
		{"warn", func(l hclog.Logger) { l.Warn("m") }, "WARN hello: m\n"},
		{"error", func(l hclog.Logger) { l.Error("m") }, "ERRO hello: m\n"},
		{"values", func(l hclog.Logger) { l.Info("m", "a", 1, "b", "two words", "c", errors.New("bad")) },
			"INFO hello: m: a=1 b=\"two words\" c=bad\n"},
		{"with", func(l hclog.Logger) { l.With("k", "v").Named("sub").Info("m", "x", true) }, "INFO hello.sub: m: k=v x=true\n"},
		{"brackets", func(l hclog.Logger) { l.Info("[a] b]") }, "INFO hello: [a] b]\n"},
		{"lines", func(l hclog.Logger) { l.Error("panic: x\ngoroutine 1") }, "ERRO hello: panic: x\ngoroutine 1\n"},
		{"standard", func(l hclog.Logger) { l.StandardLogger(nil).Print("m") }, "INFO hello: m\n"},
		{"inferred", func(l hclog.Logger) {
			l.StandardLogger(&hclog.StandardLoggerOptions{InferLevels: true}).Print("[WARN] m")
		}, "WARN hello: m\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			l := open(t, Config{Stdout: &out, Level: rpcinterface.LevelBlat})
			test.log(l.HCLog("hello"))
			if got, want := out.String(), prefix+test.want; got != want {
				t.Errorf("log %q, want %q", got, want)
			}
		})
	}
}

func TestHCLogLevel(t *testing.T) {
	tests := map[rpcinterface.LogLevel]hclog.Level{
		rpcinterface.LevelBlat: hclog.Trace, rpcinterface.LevelTrac: hclog.Trace, rpcinterface.LevelDebg: hclog.Debug,
		rpcinterface.LevelInfo: hclog.Info, rpcinterface.LevelWarn: hclog.Warn, rpcinterface.LevelErro: hclog.Error,
		rpcinterface.LevelCrit: hclog.Off,
	}
	for level, want := range tests {
		var out bytes.Buffer
		l := open(t, Config{Stdout: &out, Level: level}).HCLog("x")
		if got := l.GetLevel(); got != want {
			t.Errorf("log of %v: hclog level %v, want %v", level, got, want)
		}
		l.Error("e")
		if written := out.Len() > 0; written != (want != hclog.Off) {
			t.Errorf("log of %v: an error written: %v", level, written)
		}
	}
}
