"""Write an extension of supervisord: an RPC namespace that a process of its own serves.

    #!/usr/bin/python3
    import plugvisor

    class Hello:
        version = "1.0"
        grants = ["processes:read"]

        def __init__(self, host, config):
            self.host = host
            self.greeting = config.get("greeting", "Hello")

        def greet(self, name: str) -> str:
            '''Greet somebody.

            @param string name   Whom
            @return string       The greeting
            '''
            return f"{self.greeting}, {name}"

    if __name__ == "__main__":
        plugvisor.serve(Hello)

The public methods of the class, those without an underscore at the beginning, are
the methods of the namespace. Each has a docstring, which system.methodHelp shows;
where it has no @param and @return lines they are made of the annotations. Parameters
with defaults may be left out by clients. Arguments are checked against the
annotations: int, bool, str, float, bytes, datetime, list, dict, those with element
types, Optional, unions and dataclasses; a parameter without one takes any value.
Results may be the same. A method that is annotated "-> None" answers true. What
cannot be passed is an error when the extension starts.

Methods are called by many threads at once. A Fault that a method raises reaches the
client as it is, any other exception as FAILED with its text, and its traceback is
one entry of the main log. The class may say more:

    version         of the extension, free text
    grants          what it asks for, a list of words
    exclusive       True: two processes of it must not run at the same time
    exclusive_keys  keys of the section that, where they are written, make it so
    commands        a list of Command for supervisorctl, besides those of @command
    threads         how many calls are served at once, 256 where it says nothing
    close(self)     is called when the extension ends
    before_call(self, method)   is called before each method; what it raises is the
                    call's answer

The logging module and print write to the main log. A process that a supervisor
started has its standard output, its exception hooks and its root logger set up so
when this package is imported.
"""

from ._call import Call, current_call
from ._config import Config
from ._faults import Code, DeadlineExceeded, Fault, TransportError
from ._host import Events, Host, Tail, Watcher
from ._methods import Argument, Command, command, result_handler
from ._serve import serve
from ._types import (
    Caller,
    Event,
    GroupInfo,
    LogLevel,
    Notice,
    ProcessInfo,
    ProcessState,
    SupervisorState,
)
from . import _process

__all__ = [
    "Argument", "Call", "Caller", "Code", "Command", "Config", "DeadlineExceeded", "Event", "Events",
    "Fault", "GroupInfo", "Host", "LogLevel", "Notice", "ProcessInfo", "ProcessState",
    "SupervisorState", "Tail", "TransportError", "Watcher", "command", "current_call",
    "result_handler", "serve",
]

_process.take_over()
