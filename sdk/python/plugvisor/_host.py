"""The supervisor, as an extension sees it."""

import logging
import math
import threading
import typing

import grpc

from . import _call
from ._faults import Code, DeadlineExceeded, Fault, TransportError, incorrect
from ._protocol import HOST, MAX_MESSAGE, METHODS, ours
from ._types import GroupInfo, LogLevel, Notice, ProcessInfo, ProcessState, SupervisorState, known
from ._values import Mismatch, decode, encode, encode_struct, utf8

_log = logging.getLogger("plugvisor")


class Tail(typing.NamedTuple):
    """The end of a log."""

    data: bytes
    offset: int
    """Where the next read begins."""
    overflow: bool
    """There was more since the given offset than fits into the length."""


class Host:
    """What the supervisor does for an extension. Each verb is done whole or not at all.

    Processes are called as clients call them, "process" or "group:process". What the
    supervisor refuses is a Fault; a grant that is missing is FAILED and names it.
    TransportError says that it did not answer. A verb that is asked for while a call is
    served ends with that call, as DeadlineExceeded or TransportError. Any thread may
    use it, from __init__ on.
    """

    def __init__(self, channel):
        self._verbs = {}
        for path, (_, streams, request, response) in METHODS.items():
            if path.startswith(HOST):
                make = channel.unary_stream if streams else channel.unary_unary
                self._verbs[path[len(HOST):]] = make(
                    path, request_serializer=request.SerializeToString, response_deserializer=response.FromString)
        self._watchers = []

    def state(self):
        """The SupervisorState."""
        return known(SupervisorState, self._ask("State").state)

    def identification(self):
        """The supervisor's identifier."""
        return self._ask("Identification").identification

    def groups(self):
        """A list of GroupInfo, in the order in which they were added."""
        return [GroupInfo(g.name, g.priority) for g in self._ask("Groups").groups]

    def add_group(self, name, priority=999):
        """Add an empty group. Grant programs:write."""
        request = ours("AddGroupRequest")()
        request.group.name, request.group.priority = utf8(name), priority
        self._ask("AddGroup", request)

    def remove_group(self, name):
        """Remove a group whose processes are all stopped. Grant programs:write."""
        self._ask("RemoveGroup", name=utf8(name))

    def add_program(self, group, program, options):
        """Add the processes of a program to a group, all or none. The options, a dict, are
        those of a [program:x] section. Grant programs:write."""
        request = ours("AddProgramRequest")(group=utf8(group), program=utf8(program))
        try:
            encode_struct(options.items(), request.options)
        except Mismatch as e:
            raise incorrect(str(e)) from None
        self._ask("AddProgram", request)

    def remove_process(self, group, process):
        """Remove one stopped process from a group. Grant programs:write."""
        self._ask("RemoveProcess", group=utf8(group), process=utf8(process))

    def processes(self):
        """A list of ProcessInfo, sorted by group and name. Grant processes:read."""
        return [_process(p) for p in self._ask("Processes").processes]

    def process(self, name):
        """The ProcessInfo of one. Grant processes:read."""
        return _process(self._ask("Process", name=utf8(name)).process)

    def start_process(self, name, wait=True):
        """Start a process; with wait return when it is RUNNING. Grant processes:control."""
        self._ask("StartProcess", name=utf8(name), wait=wait)

    def stop_process(self, name, wait=True):
        """Stop a process; with wait return when it has stopped. Grant processes:control."""
        self._ask("StopProcess", name=utf8(name), wait=wait)

    def signal_process(self, name, signal):
        """Send a signal, by its name or number. Grant processes:control."""
        if isinstance(signal, int):
            signal = int(signal)
        self._ask("SignalProcess", name=utf8(name), signal=utf8(str(signal)))

    def read_log(self, name, channel="stdout", offset=0, length=0):
        """Read bytes of a process's log, or of the main log where name is "". Length 0
        reads to the end; with it a negative offset counts from there. Grant logs:read."""
        return self._ask("ReadLog", name=utf8(name), channel=channel, offset=offset, length=length).data

    def tail_log(self, name, channel="stdout", offset=0, length=0):
        """The end of a log, a Tail. Grant logs:read."""
        r = self._ask("TailLog", name=utf8(name), channel=channel, offset=offset, length=length)
        return Tail(r.data, r.next_offset, r.overflow)

    def write_stdin(self, name, data):
        """Write bytes, or text as UTF-8, to a process's standard input. Grant stdin:write."""
        self._ask("WriteStdin", name=utf8(name), data=utf8(data).encode() if isinstance(data, str) else bytes(data))

    def log(self, level, message):
        """Write a line to the main log, as it is, at a LogLevel. Grant log:write. The logging
        module needs no grant, and names the extension."""
        self._ask("Log", level=int(level), message=utf8(message))

    def call(self, method, *params):
        """Call a method of another namespace, "supervisor.getPID". Within a call it is made
        on behalf of that call's caller. Grant rpc:call=PATTERN."""
        call = _call.current.get()
        request = ours("HostCallRequest")(method=utf8(method), token=call.token if call else "")
        try:
            for value in params:
                encode(value, request.params.add())
        except Mismatch as e:
            raise incorrect(str(e)) from None
        response = self._ask("Call", request)
        return decode(response.result) if response.HasField("result") else None

    def publish(self, type, data):
        """Send a REMOTE_COMMUNICATION event to listeners and subscribers. Grant
        events:publish."""
        self._ask("Publish", type=utf8(type), data=utf8(data))

    def events(self, *types, start=0, timeout=None):
        """Read events of the types and of those that come from them ("PROCESS_STATE" is all
        PROCESS_STATE_…, "EVENT" is all). Grant events:subscribe.

            for notice in host.events("PROCESS_STATE"):

        It returns when nothing is missed any more. The loop ends with the supervisor,
        with Events.close, after timeout seconds, and with the call that is served. Start
        is the sequence number to begin with, such as the last that was seen plus one; 0
        is the next event. Notice.dropped tells how many were lost.
        """
        request = ours("SubscribeRequest")(types=[utf8(t) for t in types])
        setattr(request, "from", start)
        return Events(self._verbs["Subscribe"], request, timeout)

    def watch(self, handle, *types, start=0):
        """Have handle called with each Notice, one after the other, in a thread, until the
        extension ends or Watcher.close is called. It is for __init__. What handle raises
        goes to the log. Grant events:subscribe."""
        watcher = Watcher(self.events(*types, start=start), handle)
        self._watchers.append(watcher)
        return watcher

    def close_watchers(self):
        while self._watchers:
            self._watchers.pop().close()

    def _ask(self, verb, request=None, **fields):
        if request is None:
            request = ours(verb + "Request" if verb != "Call" else "HostCallRequest")(**fields)
        call = _call.current.get()
        try:
            if call is None:
                response = self._verbs[verb](request)
            else:
                response = _within(call, verb, self._verbs[verb], request)
        except grpc.RpcError as e:
            raise _failed(verb, e) from None
        if response.HasField("fault"):
            raise Fault(response.fault.code, response.fault.message)
        return response


def _within(call, verb, stub, request):
    """Ask for a verb that ends with the call."""
    remaining = call.remaining()
    if call.cancelled or remaining == 0:
        raise DeadlineExceeded(f"cannot ask for Host.{verb}: the call has ended")
    timeout = None if remaining == math.inf else remaining
    if verb not in _WAITING or not getattr(request, "wait", True):
        return stub(request, timeout=timeout)
    future = stub.future(request, timeout=timeout)
    call.on_end(future.cancel)
    try:
        return future.result()
    except grpc.FutureCancelledError:
        kind = TransportError if call.remaining() else DeadlineExceeded
        raise kind(f"cannot wait for Host.{verb}: the call has ended") from None


_WAITING = ("StartProcess", "StopProcess", "Call")


def _failed(verb, error):
    code = error.code()
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Fault.named(Code.FAILED, f"Host.{verb}: message larger than {MAX_MESSAGE} bytes")
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return Fault.named(Code.FAILED, f"Host.{verb} is not offered by the other side")
    text = f"cannot reach Host.{verb}: {error.details()}"
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(text)
    return TransportError(text)


def _process(p):
    return ProcessInfo(p.name, p.group, p.start, p.stop, p.now, known(ProcessState, p.state), p.spawn_err,
                       p.exit_status, p.stdout_logfile, p.stderr_logfile, p.pid, p.description)


class Events:
    """A subscription: an iterator of Notice, and a context manager that closes it."""

    def __init__(self, stub, request, timeout):
        call = _call.current.get()
        if call is not None:
            timeout = min(call.remaining(), math.inf if timeout is None else timeout)
        if timeout == math.inf:
            timeout = None
        self._stream = stub(request, timeout=timeout)
        if call is not None:
            call.on_end(self._stream.cancel)
        try:
            first = next(self._stream)
        except StopIteration:
            raise TransportError("cannot reach Host.Subscribe: the stream has ended") from None
        except grpc.RpcError as e:
            raise _failed("Subscribe", e) from None
        if first.HasField("fault"):
            raise Fault(first.fault.code, first.fault.message)

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            try:
                part = next(self._stream)
            except grpc.RpcError as e:
                if e.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise StopIteration from None
                raise _failed("Subscribe", e) from None
            if part.HasField("event"):
                s = part.event
                return Notice(s.event.name, s.event.payload, s.event.group, s.event.process, s.sequence, s.dropped)

    def close(self):
        """End the subscription, and the loop that reads it."""
        self._stream.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Watcher:
    """Events that are read in a thread. Host.watch makes it."""

    def __init__(self, events, handle):
        self._events = events
        self._handle = handle
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def _run(self):
        try:
            for notice in self._events:
                try:
                    self._handle(notice)
                except Exception:
                    _log.exception("event %d, %s", notice.sequence, notice.name)
                if self._closed:
                    return
        except TransportError as e:
            _log.error("events have ended: %s", e)

    def close(self):
        """End the watching, and wait for the call of handle that is under way."""
        self._closed = True
        self._events.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()


__all__ = ["Events", "Host", "LogLevel", "Tail", "Watcher"]
