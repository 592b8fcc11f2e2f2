"""Values on the wire, and what annotations make of them."""

import collections.abc
import dataclasses
import datetime
import inspect
import re
import types
import typing

from ._faults import Code, Fault, incorrect
from ._protocol import Value

MAX_DEPTH = 32

_EPOCH = datetime.datetime(1970, 1, 1)
_SECOND = datetime.timedelta(seconds=1)
_SURROGATES = re.compile("[\ud800-\udfff]")


class Mismatch(Exception):
    """A value is not what it should be."""


def utf8(text):
    """Text as protobuf takes it: what has no place in UTF-8 is replaced."""
    return _SURROGATES.sub("\ufffd", text)


def _too_deep():
    return incorrect(f"a value is nested deeper than {MAX_DEPTH}")


def encode(value, out=None, depth=MAX_DEPTH):
    """Write a Python value into a Value message, a new one where none is given."""
    if out is None:
        out = Value()
    if value is None:
        out.nil.SetInParent()
    elif isinstance(value, bool):
        out.bool = value
    elif isinstance(value, int):
        if not -1 << 63 <= value < 1 << 63:
            raise Mismatch(f"{value} is out of range")
        out.int = value
    elif isinstance(value, str):
        out.string = utf8(value)
    elif isinstance(value, float):
        out.double = value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out.bytes = bytes(value)
    elif isinstance(value, datetime.datetime):
        out.time = (value.replace(tzinfo=None, microsecond=0) - _EPOCH) // _SECOND
    elif isinstance(value, (list, tuple)):
        if depth == 0:
            raise _too_deep()
        out.array.SetInParent()
        for i, element in enumerate(value):
            try:
                encode(element, out.array.values.add(), depth - 1)
            except Mismatch as e:
                raise Mismatch(f"element {i}: {e}") from None
    elif isinstance(value, collections.abc.Mapping):
        encode_struct(value.items(), out.struct, depth)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        encode_struct(((f.name, getattr(value, f.name)) for f in dataclasses.fields(value)), out.struct, depth)
    else:
        raise Mismatch(f"values of type {type(value).__name__} cannot be passed")
    return out


def encode_struct(members, out, depth=MAX_DEPTH):
    """Write pairs of names and values into a Struct message."""
    if depth == 0:
        raise _too_deep()
    out.SetInParent()
    for name, value in members:
        if not isinstance(name, str):
            raise Mismatch(f"the key {name!r} is no string")
        member = out.members.add()
        member.name = utf8(name)
        try:
            encode(value, member.value, depth - 1)
        except Mismatch as e:
            raise Mismatch(f"{name}: {e}") from None


def decode(message, depth=MAX_DEPTH):
    """The Python value of a Value message."""
    kind = message.WhichOneof("kind")
    if kind is None or kind == "nil":
        return None
    if kind == "time":
        try:
            return _EPOCH + datetime.timedelta(seconds=message.time)
        except OverflowError:
            raise incorrect(f"the time {message.time} is out of range") from None
    if kind == "array":
        if depth == 0:
            raise _too_deep()
        return [decode(v, depth - 1) for v in message.array.values]
    if kind == "struct":
        if depth == 0:
            raise _too_deep()
        return {m.name: decode(m.value, depth - 1) for m in message.struct.members}
    return getattr(message, kind)


def encode_result(value):
    try:
        return encode(value)
    except Mismatch as e:
        raise Fault.named(Code.FAILED, f"cannot pass the result: {e}") from None
    except Fault as fault:
        raise Fault.named(Code.FAILED, f"result: {fault}") from None


_WORDS = {
    int: "int", bool: "boolean", str: "string", float: "double", bytes: "base64",
    datetime.datetime: "dateTime.iso8601", list: "array", dict: "struct", type(None): "nil",
}


def word_of(value):
    """XML-RPC's word for the type of a decoded value."""
    return _WORDS[type(value)]


class Kind:
    """What an annotation stands for."""

    def __init__(self, word, convert):
        self.word = word
        """XML-RPC's word for it, "any" where it is not one type."""
        self.convert = convert
        """Gives the argument of a decoded value, or raises Mismatch."""


def _exactly(of):
    word = _WORDS[of]

    def convert(value):
        if type(value) is not of:
            raise Mismatch(f"{word} wanted, not {word_of(value)}")
        return value
    return Kind(word, convert)


def _float(value):
    if type(value) is int:
        return float(value)
    if type(value) is not float:
        raise Mismatch(f"double wanted, not {word_of(value)}")
    return value


def _bytes(value):
    if type(value) is str:
        return value.encode()
    if type(value) is not bytes:
        raise Mismatch(f"base64 wanted, not {word_of(value)}")
    return value


_PLAIN = {of: _exactly(of) for of in _WORDS}
_PLAIN[float] = Kind("double", _float)
_PLAIN[bytes] = Kind("base64", _bytes)
_PLAIN[None] = _PLAIN[type(None)]
_ANY = Kind("any", lambda value: value)

_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable)
_DICTS = (dict, collections.abc.Mapping)


def kind_of(annotation):
    """The Kind of an annotation. TypeError says that it is none that can be passed."""
    if annotation in (inspect.Parameter.empty, typing.Any, object):
        return _ANY
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        origin = annotation
    if origin is typing.Union or origin is types.UnionType:
        return _union([kind_of(a) for a in arguments])
    if origin in _LISTS:
        return _list(kind_of(arguments[0]) if arguments else _ANY)
    if origin in _DICTS:
        if arguments and arguments[0] is not str:
            raise TypeError(f"{_name(annotation)} has keys that are not strings")
        return _dict(kind_of(arguments[1]) if arguments else _ANY)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _dataclass(annotation)
    if annotation is None or isinstance(annotation, type) and annotation in _PLAIN:
        return _PLAIN[annotation]
    raise TypeError(f"values of type {_name(annotation)} cannot be passed")


def _name(annotation):
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _union(kinds):
    words = [k.word for k in kinds if k.word != "nil"]

    def convert(value):
        for kind in kinds:
            try:
                return kind.convert(value)
            except Mismatch as e:
                if kind.word == word_of(value):
                    raise e
        raise Mismatch(f"{' or '.join(words)} wanted, not {word_of(value)}")
    return Kind(words[0] if len(set(words)) == 1 else "any", convert)


def _list(element):
    def convert(value):
        if type(value) is not list:
            raise Mismatch(f"array wanted, not {word_of(value)}")
        out = []
        for i, v in enumerate(value):
            try:
                out.append(element.convert(v))
            except Mismatch as e:
                raise Mismatch(f"element {i}: {e}") from None
        return out
    return Kind("array", convert)


def _dict(member):
    def convert(value):
        if type(value) is not dict:
            raise Mismatch(f"struct wanted, not {word_of(value)}")
        out = {}
        for name, v in value.items():
            try:
                out[name] = member.convert(v)
            except Mismatch as e:
                raise Mismatch(f"{name}: {e}") from None
        return out
    return Kind("struct", convert)


def _dataclass(of):
    hints = typing.get_type_hints(of)
    fields = {f.name: (f, kind_of(hints[f.name])) for f in dataclasses.fields(of) if f.init}
    optional = (lambda f: f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING)

    def convert(value):
        if type(value) is not dict:
            raise Mismatch(f"struct wanted, not {word_of(value)}")
        arguments = {}
        for name, v in value.items():
            if name not in fields:
                raise Mismatch(f"unknown member {name}")
            try:
                arguments[name] = fields[name][1].convert(v)
            except Mismatch as e:
                raise Mismatch(f"{name}: {e}") from None
        for name, (field, _) in fields.items():
            if name not in arguments and not optional(field):
                raise Mismatch(f"member {name} is missing")
        return of(**arguments)
    return Kind("struct", convert)
