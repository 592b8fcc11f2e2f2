import datetime
import enum
import unittest
from dataclasses import dataclass
from typing import Any, Optional, Union

from plugvisor import _values
from plugvisor._faults import Fault
from plugvisor._protocol import Value
from plugvisor._types import ProcessState


def passed(value):
    """A value as the other side sees it."""
    return _values.decode(Value.FromString(_values.encode(value).SerializeToString()))


def nested(depth):
    out = 1
    for _ in range(depth):
        out = [out]
    return out


@dataclass
class Point:
    x: int
    y: Optional[float] = None


class Colour(enum.Enum):
    RED = 1


class TestValues(unittest.TestCase):
    def test_pass(self):
        when = datetime.datetime(2026, 2, 28, 23, 59, 58)
        for value in (
                None, 0, -1, 1 << 62, -1 << 63, True, False, "", "é\0", 2.5, float("inf"), b"", b"\xff\0", when,
                datetime.datetime(1, 1, 1), [], [1, [None, "x"], []], {}, {"z": 1, "a": {"b": [{}]}}, nested(32)):
            got = passed(value)
            self.assertEqual(got, value)
            self.assertIs(type(got), type(value))

    def test_become(self):
        zone = datetime.timezone(datetime.timedelta(hours=1))
        for value, want in (
                ((1, 2), [1, 2]), (bytearray(b"x"), b"x"), (memoryview(b"x"), b"x"), (ProcessState.RUNNING, 20),
                (Point(1), {"x": 1, "y": None}), ("a\udcffb\ud800", "a\ufffdb\ufffd"), ({"\udcff": 1}, {"\ufffd": 1}),
                (datetime.datetime(2026, 1, 1, 12, 0, 0, 999999, zone), datetime.datetime(2026, 1, 1, 12)),
                (datetime.datetime(1969, 12, 31, 23, 59, 59, 1), datetime.datetime(1969, 12, 31, 23, 59, 59))):
            self.assertEqual(passed(value), want)

    def test_order(self):
        self.assertEqual(list(passed({"z": 1, "a": 2, "m": 3})), ["z", "a", "m"])

    def test_twice(self):
        message = Value()
        for name, n in (("a", 1), ("b", 2), ("a", 3)):
            message.struct.members.add(name=name).value.int = n
        self.assertEqual(list(_values.decode(message).items()), [("a", 3), ("b", 2)])

    def test_unset(self):
        self.assertIsNone(_values.decode(Value()))

    def test_not_passed(self):
        for value, text in (
                ({1}, "values of type set cannot be passed"), (Colour.RED, "values of type Colour cannot be passed"),
                (Point, "values of type type cannot be passed"), (1 << 63, "9223372036854775808 is out of range"),
                ({1: 2}, "the key 1 is no string"), ([0, {"a": object()}], "element 1: a: values of type object cannot be passed")):
            with self.assertRaises(_values.Mismatch) as raised:
                _values.encode(value)
            self.assertEqual(str(raised.exception), text)
            with self.assertRaises(Fault) as raised:
                _values.encode_result(value)
            self.assertEqual(str(raised.exception), "FAILED: cannot pass the result: " + text)

    def test_depth(self):
        deep = _values.encode(nested(32))
        more = Value()
        more.array.values.add().CopyFrom(deep)
        for act in lambda: _values.encode(nested(33)), lambda: _values.decode(more):
            with self.assertRaises(Fault) as raised:
                act()
            self.assertEqual((raised.exception.code, str(raised.exception)),
                             (2, "INCORRECT_PARAMETERS: a value is nested deeper than 32"))

    def test_time_out_of_range(self):
        with self.assertRaises(Fault):
            _values.decode(Value(time=1 << 60))


class TestKinds(unittest.TestCase):
    def test_accepted(self):
        when = datetime.datetime(2026, 1, 1)
        for annotation, word, value, want in (
                (int, "int", 1, 1), (bool, "boolean", True, True), (str, "string", "", ""), (float, "double", 1, 1.0),
                (bytes, "base64", "é", b"\xc3\xa9"), (datetime.datetime, "dateTime.iso8601", when, when),
                (list, "array", [1, ""], [1, ""]), (list[int], "array", [1], [1]), (dict, "struct", {"a": 1}, {"a": 1}),
                (dict[str, list[int]], "struct", {"a": [1]}, {"a": [1]}), (Optional[int], "int", None, None),
                (int | str, "any", "x", "x"), (Union[None, float], "double", 2, 2.0), (Any, "any", [None], [None]),
                (object, "any", 1, 1), (Point, "struct", {"x": 1, "y": 2}, Point(1, 2.0)), (list[Point], "array", [{"x": 1}], [Point(1)])):
            kind = _values.kind_of(annotation)
            self.assertEqual(kind.word, word)
            got = kind.convert(value)
            self.assertEqual((got, type(got)), (want, type(want)))

    def test_refused(self):
        for annotation, value, text in (
                (int, True, "int wanted, not boolean"), (int, 1.0, "int wanted, not double"), (bool, 1, "boolean wanted, not int"),
                (str, None, "string wanted, not nil"), (float, True, "double wanted, not boolean"), (bytes, [], "base64 wanted, not array"),
                (list, {}, "array wanted, not struct"), (list[int], [1, "x"], "element 1: int wanted, not string"),
                (dict[str, int], {"a": "x"}, "a: int wanted, not string"), (Optional[int], "x", "int wanted, not string"),
                (int | str, [], "int or string wanted, not array"), (Point, {}, "member x is missing"), (Point, 1, "struct wanted, not int"),
                (Point, {"x": 1, "z": 1}, "unknown member z"), (Point, {"x": "1"}, "x: int wanted, not string"),
                (Optional[list[int]], ["x"], "element 0: int wanted, not string")):
            with self.assertRaises(_values.Mismatch) as raised:
                _values.kind_of(annotation).convert(value)
            self.assertEqual(str(raised.exception), text)

    def test_no_kinds(self):
        for annotation, text in (
                (set, "values of type set cannot be passed"), (list[set], "values of type set cannot be passed"),
                (dict[int, str], "keys that are not strings"), (Colour, "values of type Colour cannot be passed"),
                (tuple[int], "cannot be passed"), (Optional[complex], "values of type complex cannot be passed")):
            with self.assertRaisesRegex(TypeError, text):
                _values.kind_of(annotation)


if __name__ == "__main__":
    unittest.main()
