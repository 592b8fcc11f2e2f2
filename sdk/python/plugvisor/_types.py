"""What the supervisor tells, as plain types."""

import enum
from dataclasses import dataclass


class SupervisorState(enum.IntEnum):
    """The state of the supervisor itself."""

    SHUTDOWN = -1
    RESTARTING = 0
    RUNNING = 1
    FATAL = 2


class ProcessState(enum.IntEnum):
    """The state of one process."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


class LogLevel(enum.IntEnum):
    """A level of the supervisor's main log."""

    BLAT = 3
    TRAC = 5
    DEBG = 10
    INFO = 20
    WARN = 30
    ERRO = 40
    CRIT = 50


def known(kind, number):
    """The member of an enumeration, or the number where it is newer than this."""
    try:
        return kind(number)
    except ValueError:
        return number


@dataclass(frozen=True)
class Caller:
    """Who makes a call."""

    user: str = ""
    """The authenticated user, "" where none is asked for."""
    peer: str = ""
    """The client's address, "" on a unix socket."""
    server: str = ""
    """The section of the server that took the call, or "plugin:NAME"."""


@dataclass(frozen=True)
class GroupInfo:
    name: str
    priority: int


@dataclass(frozen=True)
class ProcessInfo:
    """What supervisor.getProcessInfo tells. Times are seconds since the epoch, 0 for
    never."""

    name: str
    group: str
    start: int
    stop: int
    now: int
    state: ProcessState
    spawn_err: str
    exit_status: int
    stdout_logfile: str
    """"" where there is no such file."""
    stderr_logfile: str
    pid: int
    description: str

    @property
    def namespec(self):
        """The name by which clients and Host call the process."""
        return self.name if self.name == self.group else f"{self.group}:{self.name}"


@dataclass(frozen=True)
class Event:
    """An event, as result handlers get it."""

    name: str
    """The type, such as "PROCESS_STATE_RUNNING"."""
    payload: bytes
    group: str
    """Of the process that the event is about, "" for none."""
    process: str


@dataclass(frozen=True)
class Notice(Event):
    """An event, as subscribers get it."""

    sequence: int
    """Grows by one with each event that the supervisor keeps, of whatever type."""
    dropped: int
    """How many events were lost before this one, because they were not read in time."""
