// Package metrics serves /metrics, what the daemon and its processes do in the
// formats of Prometheus, and /healthz, whether the daemon works.
//
// Everything is collected when it is asked for, from records that the others keep
// anyway; calls alone are counted here, as they end, without a lock. One scrape runs
// at a time. Counts begin anew with each run of the daemon, so with a reload too, and
// those of a process when it is added. Labels are bounded by the configuration: a
// call of a method that does not exist counts as one of "unknown".
package metrics
