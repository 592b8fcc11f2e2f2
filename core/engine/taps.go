package engine

import (
	"fmt"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// onData is what sees a stream's output besides its log, nil for nobody: the main
// log when its level is debug, an event listener's protocol, log events.
func (e *Engine) onData(r *running, job supervisor.SpawnJob, spec *core.ProcessSpec, channel event.Channel) func([]byte) {
	var taps []func([]byte)
	listener := job.OnListener != nil && channel == event.Stdout
	if e.Logger.Enabled(rpcinterface.LevelDebg) {
		taps = append(taps, e.toMainLog(job.Spec.Name, channel, listener))
	}
	switch {
	case listener:
		taps = append(taps, job.OnListener)
	case job.OnLog != nil && logSpec(spec, channel).EventsEnabled:
		taps = append(taps, func(data []byte) { job.OnLog(channel, data) })
	}
	if len(taps) == 0 {
		return nil
	}
	return r.afterStart(func(data []byte) {
		for _, tap := range taps {
			tap(data)
		}
	})
}

// onCapture tells of what stood between the tokens of capture mode.
func (e *Engine) onCapture(r *running, job supervisor.SpawnJob, channel event.Channel) func([]byte) {
	if job.OnCapture == nil {
		return nil
	}
	return r.afterStart(func(data []byte) {
		job.OnCapture(channel, data)
		e.Logger.Log(rpcinterface.LevelDebg, fmt.Sprintf("%s %v emitted a comm event", pytext.ReprString(job.Spec.Name), channel))
	})
}

// toMainLog copies output to the main log. The reference shows a listener's as
// Python shows bytes.
func (e *Engine) toMainLog(name string, channel event.Channel, raw bool) func([]byte) {
	return func(data []byte) {
		text := pytext.Decode(data)
		if raw {
			text = pytext.ReprBytes(data)
		}
		e.Logger.Log(rpcinterface.LevelDebg, fmt.Sprintf("%s %v output:\n%s", pytext.ReprString(name), channel, text))
	}
}

func logSpec(spec *core.ProcessSpec, channel event.Channel) core.LogSpec {
	if channel == event.Stderr {
		return spec.Stderr
	}
	return spec.Stdout
}
