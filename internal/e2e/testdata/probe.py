"""An extension that does what a test wants of it."""

import contextvars
import logging
import os
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

import plugvisor

print("a line before it serves")


@dataclass
class Point:
    x: int
    y: int = 0


class Probe:
    version = "test"
    grants = "processes:read processes:control programs:write logs:read stdin:write log:write events:subscribe events:publish rpc:call=*"
    exclusive_keys = ["socket"]

    def __init__(self, host, config):
        self.host = host
        self.words = config.get("words", "none")
        self.number = config.get_int("number", 7)
        self.seen = []
        if config.get_bool("watch", False):
            host.watch(self._saw, "REMOTE_COMMUNICATION")
        print("a line of __init__")

    def _saw(self, notice):
        if notice.payload.endswith(b"bad"):
            raise ValueError("a bad event")
        logging.getLogger("watch").warning("saw %s", notice.payload)

    def settings(self):
        """What the section says."""
        return [self.words, self.number]

    def echo(self, value):
        """Give a value back."""
        return value

    def typed(self, n: int, b: bool, s: str, f: float, raw: bytes, when: datetime, many: list[int], some: dict[str, Any]):
        """Take a value of each type, and tell what Python makes of them."""
        return [repr(v) for v in (n, b, s, f, raw, when, many, some)]

    def optional(self, a: int, b: Optional[str] = None, c: float = 0.5):
        """Take one argument, or up to three."""
        return [a, b, c]

    def point(self, p: Point) -> Point:
        """Mirror a point.

        @param struct p    With the members x and, if it likes, y
        @return struct     The same
        """
        return Point(p.y, p.x)

    def nothing(self) -> None:
        """Answer true."""

    def nil(self):
        """Answer nil."""

    def unpassable(self):
        """Give what has no type in XML-RPC."""
        return [1, {"a": {2}}]

    def large(self, size: int):
        """Give as many bytes."""
        return b"x" * size

    def deep(self, depth: int):
        """Give arrays within arrays."""
        out = []
        for _ in range(depth):
            out = [out]
        return out

    def fault(self, code: int, text: str):
        """Raise a fault."""
        raise plugvisor.Fault(code, text)

    def fail(self, size: int = 0):
        """Raise an exception, with a text of a size."""
        try:
            {}["key"]
        except KeyError as e:
            raise ValueError("no luck" + "!" * size) from e

    def leave(self):
        """Try to leave."""
        sys.exit(3)

    def pid(self) -> int:
        """Tell the process."""
        return os.getpid()

    def caller(self):
        """Tell who calls."""
        call = plugvisor.current_call()
        return [call.caller, call.state.name, 0 < call.remaining() <= 60]

    def sleep(self, seconds: float):
        """Sleep until the call is cancelled."""
        logging.info("sleeping")
        if plugvisor.current_call().wait(seconds):
            logging.warning("woken, %d s left", plugvisor.current_call().remaining())
        return plugvisor.current_call().cancelled

    def write(self, text: str):
        """Write to everywhere."""
        print(text, "printed")
        sys.stderr.write(text + " to stderr\n")
        os.system(f"echo {text} of a child")
        logging.debug("%s at debug", text)
        logging.critical("%s at critical", text)
        logging.getLogger("part").info(text + "\nin two lines")

    def ask(self, verb: str, args: list = []):
        """Ask the host."""
        return getattr(self.host, verb)(*args)

    def first(self, types: list, after: str = "-1"):
        """Wait for an event."""
        with self.host.events(*types, start=int(after) + 1) as events:
            logging.info("waiting for an event")
            for n in events:
                return [str(n.sequence), n.name, n.payload.decode(), n.dropped]

    def expired(self) -> str:
        """Ask when there is no time left, and read events until then."""
        for _ in self.host.events("TICK_3600"):
            pass
        try:
            self.host.state()
        except TimeoutError as e:
            logging.info("too late: %s", e)
        return "not waited for"

    def apart(self) -> list:
        """Ask from a thread, in the call and out of it."""
        out = []
        for run in contextvars.copy_context().run, lambda f: f():
            t = threading.Thread(target=run, args=(lambda: out.append(self.host.call("probe.caller")[0]["server"]),))
            t.start()
            t.join()
        return out

    @plugvisor.result_handler("strict")
    def judge(self, event: plugvisor.Event, result: bytes) -> bool:
        logging.info("judging %s of %s", result, event.name)
        return result == b"FINE"

    def close(self):
        logging.info("closing")


if __name__ == "__main__":
    plugvisor.serve(Probe)
