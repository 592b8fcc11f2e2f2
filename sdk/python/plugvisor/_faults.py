"""Errors as clients and the supervisor tell them."""

import enum


class Code(enum.IntEnum):
    """Supervisor's fault codes. Extensions may have others of their own."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92


class Fault(Exception):
    """An error that clients see: a code for programs, a text for people.

    Supervisor's texts are the code's name, or the name, a colon, a blank and a
    detail; Fault.named makes them so.
    """

    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = int(code)
        self.text = str(text)

    @classmethod
    def named(cls, code, detail=""):
        """Fault.named(Code.BAD_NAME, "web") is Fault(10, "BAD_NAME: web")."""
        try:
            text = Code(code).name
        except ValueError:
            text = "UNKNOWN"
        return cls(code, f"{text}: {detail}" if detail else text)

    def __str__(self):
        return self.text


class TransportError(Exception):
    """The supervisor did not answer. Whether it did what was asked is unknown."""


class DeadlineExceeded(TransportError, TimeoutError):
    """The time for the answer was up."""


for _public in (Fault, TransportError, DeadlineExceeded):
    _public.__module__ = "plugvisor"  # as tracebacks name it


def incorrect(detail=""):
    return Fault.named(Code.INCORRECT_PARAMETERS, detail)


def text_of(error):
    """What an exception says, for people."""
    text = str(error)
    if not text or isinstance(error, KeyError):
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text


def as_fault(error):
    """The fault that an exception is, else FAILED with its text."""
    if isinstance(error, Fault):
        return error
    return Fault.named(Code.FAILED, text_of(error))
