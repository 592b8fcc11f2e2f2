package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// patience is how long the loop may take to give a sign of life.
const patience = 5 * time.Second

// Healthz answers 200 while the daemon works and starts programs: its loop turns and
// its state is RUNNING. Otherwise it answers 503 with the reason. How the programs
// are is not its business: a program that fails is no reason to restart the daemon.
func Healthz(source Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused(w, r) {
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		err := source.Ping(ctx)
		status, word := http.StatusOK, source.State().String()
		switch {
		case source.State() != rpcinterface.SupervisorRunning:
			status = http.StatusServiceUnavailable
		case err != nil:
			status, word = http.StatusServiceUnavailable, "the main loop does not answer"
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(word + "\n")) // a client that has gone needs no answer
	})
}
