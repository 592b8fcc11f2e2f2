"""The process: what of it belongs to the supervisor, and where its output goes.

Standard error is the log. A line that is one of hclog's JSON records is an entry with
a level; all others are entries at INFO. Standard output is for the handshake, and
becomes standard error after it.
"""

import datetime
import json
import logging
import os
import sys
import threading
import traceback

_COOKIE = ("PLUGVISOR_PLUGIN", "rpcinterface")
_OURS = ("PLUGVISOR_", "PLUGIN_")
_LIMIT = 8000  # bytes of a line: the supervisor cuts those over 8 KiB, and half a record is none
_HERE = os.path.dirname(os.path.abspath(__file__))

environment = {}
"""What the supervisor told this process, by the names of the variables."""

_lock = threading.Lock()
_stdout = None  # the supervisor's end, until the handshake


def started_by_supervisor():
    return environment.get(_COOKIE[0]) == _COOKIE[1]


def take_over():
    """Take what is the supervisor's out of the environment, so that programs that the
    extension starts do not take themselves for one, and have all that is written and
    raised go to the log. Where no supervisor started the process nothing happens."""
    global _stdout
    if os.environ.get(_COOKIE[0]) != _COOKIE[1]:
        return
    for name in list(os.environ):
        if name.startswith(_OURS):
            environment[name] = os.environ.pop(name)
    _stdout = os.dup(1)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    root = logging.getLogger()
    root.addHandler(Handler())
    root.setLevel(logging.DEBUG)  # the supervisor has a level of its own
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda a: a.exc_type is SystemExit or _write_error(
        f"thread {a.thread.name if a.thread else ''}", a.exc_value)
    sys.unraisablehook = lambda a: _write_error(a.err_msg or f"exception ignored in {a.object!r}", a.exc_value)


def shake_hands(line):
    """Write the line that says where the extension serves, the only one that standard
    output gets."""
    global _stdout
    _write(_stdout, line.encode() + b"\n")
    os.close(_stdout)
    _stdout = None


def watch_lifeline():
    """End the process when the supervisor does. Standard input is at its end for the
    extension and what it starts."""
    if environment.get("PLUGVISOR_LIFELINE") != "1":
        return
    lifeline = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def wait():
        while os.read(lifeline, 4096):
            pass
        end(0)
    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def end(status):
    """End the process, whatever its threads do."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


class Handler(logging.Handler):
    """Brings records of the logging module to the main log."""

    def emit(self, record):
        try:
            fields = {}
            if record.name not in ("root", "__main__"):
                fields["@module"] = record.name
            if record.exc_info and record.exc_info[1] is not None:
                fields["traceback"] = _traceback(record.exc_info[1])
            elif record.exc_text:
                fields["traceback"] = record.exc_text
            if record.stack_info:
                fields["stack"] = record.stack_info
            write(_level(record.levelno), record.getMessage(), record.created, **fields)
        except Exception:
            self.handleError(record)


def _level(number):
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    if number >= logging.INFO:
        return "info"
    return "debug" if number >= logging.DEBUG else "trace"


def write(level, message, created=None, **fields):
    """Write one entry of the log, in one piece."""
    at = datetime.datetime.now() if created is None else datetime.datetime.fromtimestamp(created)
    record = {
        "@level": level, "@message": message,
        "@timestamp": at.astimezone().isoformat(timespec="microseconds"), **fields,
    }
    with _lock:
        _write(2, _fit(record) + b"\n")


def error(what, exception):
    """Log an exception with its traceback, as one entry."""
    _write_error(what, exception)


def _write_error(what, exception):
    told = "".join(traceback.format_exception_only(type(exception), exception)).strip()
    write("error", f"{what}: {told}", traceback=_traceback(exception))


def _uncaught(kind, exception, trace):
    if issubclass(kind, KeyboardInterrupt):
        return
    _write_error("the extension ends", exception)
    if _stdout is not None:
        # The supervisor gives the last line that is no record as the reason.
        print("".join(traceback.format_exception_only(kind, exception)).strip().splitlines()[-1], file=sys.stderr)


def _traceback(exception):
    """The traceback without this package's own frames at its beginning."""
    trace = exception.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(exception), exception, trace)).rstrip("\n")


def _fit(record):
    """The record as a line that is short enough, with its longest texts cut in the
    middle: what a traceback is about stands at its end."""
    while True:
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
        if len(line) <= _LIMIT:
            return line
        longest = max((k for k in record if isinstance(record[k], str)), key=lambda k: len(record[k]))
        text = record[longest]
        keep = max(len(text) - (len(line) - _LIMIT) - 10, len(text) // 2)
        head = keep // 4
        record[longest] = text[:head] + " … " + text[len(text) - (keep - head):]


def _write(fd, data):
    while data:
        data = data[os.write(fd, data):]
