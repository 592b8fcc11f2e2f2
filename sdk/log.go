package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// Logger gives the logger of the call, or of the result, that ctx belongs to, which
// tells its method too. Outside of one it is hclog.Default(). What it is given lands
// in the main log under the extension's name, with its level.
func Logger(ctx context.Context) hclog.Logger {
	if s := servingFrom(ctx); s != nil {
		return s.log.With(s.what, s.name)
	}
	return hclog.Default()
}

// maxRecord is how long a record may be, in bytes: the supervisor cuts what is
// longer, and takes it for no record.
const maxRecord = 8 << 10

// newLog makes the plugin's logger, which writes records for the supervisor.
func newLog(w io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: records{w}, JSONFormat: true})
}

// useLog makes a logger that of hclog.Default, of the package log, which has INFO
// and levels in brackets ("[WARN] …"), and of slog.
func useLog(l hclog.Logger) {
	hclog.SetDefault(l)
	slog.SetDefault(slog.New(slogHandler{log: l}))
	// After slog, which takes the package log for itself.
	log.SetFlags(0)
	log.SetOutput(l.StandardWriter(&hclog.StandardLoggerOptions{InferLevels: true}))
}

// records writes each record, which is one Write, so that it is one entry of the main
// log: short enough, and with no more than a line as its message.
type records struct{ w io.Writer }

func (r records) Write(p []byte) (int, error) {
	record := p
	if len(p) > maxRecord || bytes.Contains(p, []byte(`\n`)) {
		record = tidied(p)
	}
	if _, err := r.w.Write(record); err != nil {
		return 0, err
	}
	return len(p), nil
}

// tidied makes further lines of a record's message the member "text", and cuts the
// longest members until the record is short enough.
func tidied(p []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(p, &members) != nil {
		return p
	}
	encode := func(v any) []byte {
		out, _ := json.Marshal(v) // a string, or what was JSON before
		return out
	}
	var message string
	_ = json.Unmarshal(members["@message"], &message) // hclog writes a string
	if first, rest, more := strings.Cut(strings.TrimRight(message, "\n"), "\n"); more {
		members["@message"] = encode(first)
		if had, ok := members["text"]; ok {
			rest += "\n" + string(had)
		}
		members["text"] = encode(rest)
	}
	out := encode(members)
	for limit := maxRecord / 2; len(out) >= maxRecord && limit >= 64; limit /= 2 {
		for name, raw := range members {
			if len(raw) <= limit {
				continue
			}
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			members[name] = encode(strings.ToValidUTF8(text[:min(limit, len(text))], "") + "…")
		}
		out = encode(members)
	}
	if len(out) >= maxRecord { // so many members that none of them has room
		out = encode(map[string]json.RawMessage{"@level": members["@level"], "@message": members["@message"]})
	}
	return append(out, '\n')
}

// slogHandler gives what slog is told to hclog.
type slogHandler struct {
	log    hclog.Logger
	prefix string // of the groups that are open
}

var _ slog.Handler = slogHandler{}

func (h slogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return hclogLevel(level) >= h.log.GetLevel()
}

func (h slogHandler) Handle(_ context.Context, r slog.Record) error {
	var pairs []any
	r.Attrs(func(a slog.Attr) bool {
		pairs = appendPairs(pairs, h.prefix, a)
		return true
	})
	h.log.Log(hclogLevel(r.Level), r.Message, pairs...)
	return nil
}

func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var pairs []any
	for _, a := range attrs {
		pairs = appendPairs(pairs, h.prefix, a)
	}
	h.log = h.log.With(pairs...)
	return h
}

func (h slogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

// appendPairs adds an attribute, or the members of a group, each under its path.
func appendPairs(pairs []any, prefix string, a slog.Attr) []any {
	value := a.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if a.Equal(slog.Attr{}) {
			return pairs
		}
		return append(pairs, prefix+a.Key, value.Any())
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range value.Group() {
		pairs = appendPairs(pairs, prefix, member)
	}
	return pairs
}

func hclogLevel(level slog.Level) hclog.Level {
	switch {
	case level >= slog.LevelError:
		return hclog.Error
	case level >= slog.LevelWarn:
		return hclog.Warn
	case level >= slog.LevelInfo:
		return hclog.Info
	case level >= slog.LevelDebug:
		return hclog.Debug
	default:
		return hclog.Trace
	}
}
