package extension

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// bounds are what one process of a plugin is held to, and its children with it.
type bounds struct {
	limits core.PluginLimits
	// cgroup holds the memory of all of them together. Where it is nil, RLIMIT_DATA
	// holds that of each.
	cgroup *cgroup
}

// bound finds out how the limits of a section are kept.
func (m *Manager) bound(spec core.ExtensionSpec) bounds {
	b := bounds{limits: spec.Limits}
	if b.limits.Memory == 0 {
		return b
	}
	var err error
	if b.cgroup, err = m.cgroups.add(b.limits.Memory); err != nil && m.cgroups.first() {
		m.cfg.Logger.Log(rpcinterface.LevelInfo, fmt.Sprintf(
			"plugin.max_memory of [%s] is kept by RLIMIT_DATA, for each process of the plugin alone: %v", spec.Section, err))
	}
	return b
}

// rlimits are the limits that the kernel keeps for each process.
func (b *bounds) rlimits() []child.Limit {
	var list []child.Limit
	if n := uint64(b.limits.Files); n > 0 {
		list = append(list, child.Limit{Resource: unix.RLIMIT_NOFILE, Soft: n, Hard: n})
	}
	if n := uint64(b.limits.CPU / time.Second); n > 0 {
		// First SIGXCPU, which Go ignores, and a second later SIGKILL.
		list = append(list, child.Limit{Resource: unix.RLIMIT_CPU, Soft: n, Hard: n + 1})
	}
	if n := uint64(b.limits.Memory); n > 0 && b.cgroup == nil {
		// Not RLIMIT_AS: Go, and others, reserve far more addresses than they use.
		list = append(list, child.Limit{Resource: unix.RLIMIT_DATA, Soft: n, Hard: n})
	}
	return list
}

// dir is the cgroup's directory, "" for none.
func (b *bounds) dir() string {
	if b.cgroup == nil {
		return ""
	}
	return b.cgroup.dir
}

// exhausted says whether the kernel has killed in the cgroup, for its memory.
func (b *bounds) exhausted() bool { return b.cgroup != nil && b.cgroup.exhausted() }

// release gives the cgroup back.
func (b *bounds) release() {
	if b.cgroup != nil {
		b.cgroup.remove()
	}
}

// exceeded says which limit seems to have ended a process, "" for none.
func (b *bounds) exceeded(p *process) string {
	var signal syscall.Signal
	if p.status.Signaled() {
		signal = p.status.Signal()
	}
	used := time.Duration(p.usage.Utime.Nano() + p.usage.Stime.Nano())
	switch l := b.limits; {
	case l.CPU > 0 && (signal == syscall.SIGXCPU || signal == syscall.SIGKILL && used >= l.CPU):
		return fmt.Sprintf("having used the %v of processor time that plugin.max_cpu allows", l.CPU)
	case p.exhausted && signal == syscall.SIGKILL, l.Memory > 0 && p.status != 0 && p.shortage.heard.Load():
		return fmt.Sprintf("having wanted more than the %s of memory that plugin.max_memory allows", bytesText(l.Memory))
	case l.Memory > 0 && b.cgroup == nil && l.Memory < goMemory && p.status != 0:
		return fmt.Sprintf("perhaps for want of memory: plugin.max_memory is %s, and where no cgroup keeps it a plugin in Go needs %s",
			bytesText(l.Memory), bytesText(goMemory))
	}
	return ""
}

// goMemory is what a plugin in Go, built without C, needs of RLIMIT_DATA, in bytes:
// most of it is reserved by Go at its start and never used. With C each of its
// threads reserves the stack that C gives a thread, 8 MiB in most places.
const goMemory = 128 << 20

// bytesText writes a number of bytes as a section has it.
func bytesText(n int64) string {
	switch {
	case n%(1<<30) == 0:
		return fmt.Sprintf("%dGB", n>>30)
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMB", n>>20)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// shortage looks in a plugin's error output for what programs say when they get no
// memory. It is how an end by RLIMIT_DATA can be told from others: the kernel only
// refuses the memory.
type shortage struct {
	heard atomic.Bool
	tail  []byte // of what was written before, for words that are cut in two
}

var _ io.Writer = (*shortage)(nil)

func (s *shortage) Write(p []byte) (int, error) {
	if s.heard.Load() {
		return len(p), nil
	}
	text := append(s.tail, p...)
	longest := 0
	for _, word := range []string{
		"out of memory", "annot allocate memory", "failed to allocate", "MemoryError", "bad_alloc", "OutOfMemory",
		// There was none for the stack of another thread.
		"pthread_create failed", "can't start new thread",
	} {
		longest = max(longest, len(word))
		if bytes.Contains(text, []byte(word)) {
			s.heard.Store(true)
		}
	}
	s.tail = append(s.tail[:0], text[max(0, len(text)-longest):]...)
	return len(p), nil
}
