package core

import "strconv"

// SIGKILL is the number of the signal that ends a process without asking it.
const SIGKILL = 9

// SignalName gives a signal's name as Supervisor's log shows it ("SIGTERM"), or
// "signal N" for a number that has none. Numbers are those of Linux; where two
// names share one (SIGIO and SIGPOLL), it is the one that Python's signal module
// lists last, as there.
func SignalName(number int) string {
	if number > 0 && number < len(signalNames) && signalNames[number] != "" {
		return signalNames[number]
	}
	switch number {
	case 34:
		return "SIGRTMIN"
	case 64:
		return "SIGRTMAX"
	}
	return "signal " + strconv.Itoa(number)
}

var signalNames = [...]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT",
	7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2",
	13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT",
	19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU", 23: "SIGURG", 24: "SIGXCPU",
	25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGPOLL", 30: "SIGPWR",
	31: "SIGSYS",
}
