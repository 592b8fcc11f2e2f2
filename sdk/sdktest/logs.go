package sdktest

import (
	"context"

	"github.com/plugvisor/plugvisor/sdk"
)

// logKey names a log: that of a process, or the main log where name is "".
type logKey struct{ name, channel string }

// SetLog says what is in the log of a process ("stdout" or "stderr"), or in the main log
// where name is "". A log that is not said is a file that is not there. The name is
// one that the process may be called by.
func (h *Host) SetLog(name, channel, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logs[h.logOf(name, channel)] = []byte(text)
}

// Stdin is what was written to the standard input of a process.
func (h *Host) Stdin(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p, err := h.named(name); err == nil {
		name = sdk.Namespec(p.Group, p.Name)
	}
	return string(h.stdin[name])
}

// logOf finds a log. The caller holds the lock.
func (h *Host) logOf(name, channel string) logKey {
	if name == "" {
		return logKey{}
	}
	if p, err := h.named(name); err == nil {
		name = sdk.Namespec(p.Group, p.Name)
	}
	return logKey{name, channel}
}

// log gives the text of a log, and whether there is one, or why it cannot be read. The
// caller holds the lock.
func (h *Host) log(name, channel string, refused error) (text []byte, ok bool, err error) {
	if refused != nil {
		return nil, false, refused
	}
	if name != "" {
		if _, err := h.named(name); err != nil {
			return nil, false, err
		}
	}
	text, ok = h.logs[h.logOf(name, channel)]
	return text, ok, nil
}

// ReadLog reads what SetLog said.
func (h *Host) ReadLog(_ context.Context, name, channel string, offset, length int64) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text, ok, err := h.log(name, channel, h.begin("ReadLog", name, channel, offset, length))
	size := int64(len(text))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, sdk.NewFault(sdk.CodeNoFile)
	case length < 0, offset < 0 && length != 0:
		return nil, sdk.NewFault(sdk.CodeBadArguments)
	case offset < 0:
		offset = max(0, size+offset)
	}
	offset = min(offset, size)
	if length == 0 || length > size {
		length = size
	}
	return append([]byte{}, text[offset:min(size, offset+length)]...), nil
}

// TailLog reads the end of what SetLog said.
func (h *Host) TailLog(_ context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text, ok, err := h.log(name, channel, h.begin("TailLog", name, channel, offset, length))
	if err != nil || !ok {
		return nil, 0, false, err
	}
	size := int64(len(text))
	overflow := offset < size-length
	if length <= 0 || !overflow && offset >= size {
		return []byte{}, size, overflow, nil
	}
	return append([]byte{}, text[max(0, size-length):]...), size, overflow, nil
}
