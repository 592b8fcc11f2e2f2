"""What a class offers, read from its methods."""

import inspect
import re
import typing
from dataclasses import dataclass

from ._faults import incorrect
from ._values import Mismatch, kind_of

_RESERVED = ("close", "before_call")
_TYPES = ("string", "int", "boolean", "double", "json", "array", "struct")


class DeclarationError(Exception):
    """The class cannot be an extension."""


@dataclass(frozen=True)
class Argument:
    """An argument of a Command."""

    name: str
    type: str = "string"
    """"string", "int", "boolean", "double", or "json" (JSON where it is, else a string).
    "array" and "struct" (KEY=VALUE) take all the words that are left, and come last."""
    optional: bool = False


@dataclass(frozen=True)
class Command:
    """A command of supervisorctl: "supervisorctl NAMESPACE NAME ARG...". It calls one
    method and shows the result."""

    name: str
    """Letters, digits, "-" and "_"."""
    method: str
    help: str = ""
    arguments: typing.Sequence[Argument] = ()
    template: str = ""
    """How a line of the result is shown, JSON where it is "". An array has a line for
    each element. "{}" is the value, "{name}" a member of a struct, "{name:20}" the
    same in at least 20 columns, "{{" a brace."""


def command(name=None, *, template="", help=None):
    """Make a command for supervisorctl of a method, with its parameters as arguments:

        @plugvisor.command(template="{}")
        def greet(self, name: str) -> str:

    Its name is the method's, with "-" for "_", where none is given; its help the
    method's, without the @ lines.
    """
    def mark(function):
        made = (name or function.__name__.replace("_", "-"), template, help)
        function.__dict__.setdefault("_plugvisor_commands", []).append(made)
        return function
    return mark


def result_handler(name=None):
    """Make a method the judge of what event listeners answer. A listener's section names
    it "result_handler = NAMESPACE:NAME".

        @plugvisor.result_handler("strict")
        def judge(self, event: plugvisor.Event, result: bytes) -> bool:

    True accepts the event, False has it sent again. It is no method for clients.
    """
    def mark(function):
        function._plugvisor_handler = name or function.__name__
        return function
    return mark


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: typing.Any
    optional: bool


@dataclass(frozen=True)
class Method:
    name: str
    parameters: typing.Sequence[Parameter]
    void: bool
    help: str
    signature: typing.Sequence[str]

    def arguments(self, params):
        """The Python arguments of a call. Their number was checked."""
        out = []
        for parameter, value in zip(self.parameters, params):
            try:
                out.append(parameter.kind.convert(value))
            except Mismatch as e:
                raise incorrect(f"{parameter.name}: {e}") from None
        return out

    def accepts(self, count):
        required = sum(not p.optional for p in self.parameters)
        return required <= count <= len(self.parameters)


class Declaration:
    """A class as an extension. It raises DeclarationError, with all that is wrong."""

    def __init__(self, of):
        if not isinstance(of, type):
            raise DeclarationError(f"serve wants a class, not {of!r}")
        self.of = of
        self.methods = {}
        self.handlers = {}
        self.commands = []
        self.wrong = []
        for name in _names(of):
            with _Told(self.wrong, f"method {name}"):
                self._read(name)
        self.version = str(getattr(of, "version", ""))
        self.grants = self._words("grants")
        self.exclusive = bool(getattr(of, "exclusive", False))
        self.exclusive_keys = self._words("exclusive_keys")
        self.threads = getattr(of, "threads", 256)
        if type(self.threads) is not int or self.threads < 1:
            self.wrong.append("threads is no positive number")
        for c in getattr(of, "commands", ()):
            with _Told(self.wrong, f"command {getattr(c, 'name', c)}"):
                self._add_command(c)
        if self.wrong:
            raise DeclarationError("; ".join(self.wrong))

    def _words(self, name):
        value = getattr(self.of, name, ())
        words = value.split() if isinstance(value, str) else list(value)
        if not all(isinstance(w, str) for w in words):
            self.wrong.append(f"{name} is no list of words")
            return []
        return words

    def _read(self, name):
        function = inspect.getattr_static(self.of, name)
        bare = function
        if isinstance(function, (staticmethod, classmethod)):
            bare = function.__func__
        if not inspect.isfunction(bare) or name in _RESERVED:
            return
        handler = getattr(bare, "_plugvisor_handler", None)
        if handler is not None:
            self.handlers[handler] = name
            return
        method = _method(name, bare, bound=not isinstance(function, staticmethod))
        self.methods[name] = method
        for given, template, text in getattr(bare, "_plugvisor_commands", ()):
            self._add_command(Command(
                given, name, _untagged(method.help) if text is None else text,
                [_argument(p, last=p is method.parameters[-1]) for p in method.parameters], template))

    def _add_command(self, c):
        if not isinstance(c, Command):
            raise DeclarationError(f"{c!r} is no plugvisor.Command")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", c.name):
            raise DeclarationError(f"{c.name!r} is no word of letters, digits, - and _")
        if any(c.name == other.name for other in self.commands):
            raise DeclarationError("there are two of the name")
        if c.method not in self.methods:
            raise DeclarationError(f"there is no method {c.method}")
        for i, a in enumerate(c.arguments):
            if a.type not in _TYPES:
                raise DeclarationError(f"argument {a.name} has the unknown type {a.type}")
            if a.type in ("array", "struct") and i + 1 < len(c.arguments):
                raise DeclarationError(f"argument {a.name} takes all the words that are left, and is not the last")
        self.commands.append(c)


class _Told:
    """Adds what is wrong within to a list."""

    def __init__(self, wrong, what):
        self.wrong, self.what = wrong, what

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, DeclarationError):
            self.wrong.append(f"{self.what}: {error}")
            return True
        return False


def _names(of):
    """The public names of a class, in the order in which they were written."""
    out = {}
    for base in reversed(of.__mro__[:-1]):
        for name in vars(base):
            if not name.startswith("_"):
                out[name] = True
    return list(out)


def _method(name, function, bound):
    if not function.__doc__ or not function.__doc__.strip():
        raise DeclarationError("it has no docstring: write one, or begin its name with an underscore if it is not for clients")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError("it is a coroutine or a generator, whose results cannot be passed")
    try:
        hints = typing.get_type_hints(function)
    except Exception as e:  # an annotation is any expression
        raise DeclarationError(f"cannot read the annotations: {e}") from None
    parameters = []
    for p in list(inspect.signature(function).parameters.values())[1 if bound else 0:]:
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            raise DeclarationError(f"parameter {p.name} cannot be passed: give it a place, and a default if it is optional")
        try:
            kind = kind_of(hints.get(p.name, p.empty))
        except TypeError as e:
            raise DeclarationError(f"parameter {p.name}: {e}") from None
        parameters.append(Parameter(p.name, kind, p.default is not p.empty))
    try:
        result = kind_of(hints.get("return", inspect.Parameter.empty))
    except TypeError as e:
        raise DeclarationError(f"result: {e}") from None
    void = "return" in hints and hints["return"] is type(None)
    help = inspect.cleandoc(function.__doc__).strip()
    documented = _documented(help)
    if documented is None:
        lines = [f"@param {p.kind.word} {p.name}" for p in parameters]
        lines.append(f"@return {'boolean' if void else result.word}")
        help = help + "\n\n" + "\n".join(lines)
    elif documented and documented != [p.name for p in parameters]:
        raise DeclarationError(f"the parameters {', '.join(documented)} are documented, "
                               f"but there are {', '.join(p.name for p in parameters) or 'none'}")
    return Method(name, parameters, void, help, _signature(help))


def _documented(help):
    """The names of the @param lines, None where there is no @ line at all."""
    names, any_line = [], False
    for line in help.splitlines():
        words = line.split()
        if not words or words[0] not in ("@param", "@return"):
            continue
        any_line = True
        if words[0] == "@param":
            if len(words) < 3:
                raise DeclarationError(f'"{line.strip()}" lacks a type or a name')
            names.append(words[2])
    return names if any_line else None


def _signature(help):
    """The types of the result and of the parameters, empty where no result is told."""
    result, parameters = None, []
    for line in help.splitlines():
        words = line.split() + ["", ""]
        if words[0] == "@return":
            result = words[1]
        elif words[0] == "@param":
            parameters.append(words[1])
    return [] if result is None else [result] + parameters


def _untagged(help):
    lines = [line for line in help.splitlines() if not line.strip().startswith(("@param", "@return"))]
    return "\n".join(lines).strip()


def _argument(p, last):
    word = p.kind.word
    if word in ("array", "struct"):
        plain = last and _takes_strings(p.kind, word)
        word = word if plain else "json"
    elif word not in _TYPES:
        word = "json"
    return Argument(p.name, word, p.optional)


def _takes_strings(kind, word):
    """Whether elements that are strings will do."""
    try:
        kind.convert([""] if word == "array" else {"": ""})
    except Mismatch:
        return False
    return True
