"""The call that is being served."""

import contextvars
import math
import threading
import time


class Call:
    """The call that a method serves: plugvisor.current_call()."""

    def __init__(self, caller, state, token, context):
        self.caller = caller
        """Who makes it, a Caller."""
        self.state = state
        """The supervisor's SupervisorState when the call came in."""
        self.token = token
        self._context = context
        self._ended = threading.Event()
        remaining = context.time_remaining()
        self._deadline = math.inf if remaining is None else time.monotonic() + remaining
        if not context.add_callback(self._ended.set):
            self._ended.set()

    @property
    def cancelled(self):
        """Nobody waits for the answer any more: the client left, or time is up."""
        return self._ended.is_set()

    def remaining(self):
        """Seconds until the deadline, math.inf where there is none."""
        return max(0.0, self._deadline - time.monotonic())

    def wait(self, seconds):
        """Sleep, but no longer than the call lasts. True says that it was cancelled."""
        return self._ended.wait(min(seconds, threading.TIMEOUT_MAX))

    def on_end(self, callback):
        """Have a function called, from another thread, when the call has ended."""
        if not self._context.add_callback(callback):
            callback()


current = contextvars.ContextVar("plugvisor_call", default=None)


def current_call():
    """The Call that this thread serves, None outside of one.

    A thread that a method starts is outside, unless it is started with
    contextvars.copy_context().run.
    """
    return current.get()
