import unittest
from typing import Any

import plugvisor
from plugvisor._faults import Fault, as_fault
from plugvisor._methods import Declaration, DeclarationError


class Base:
    def inherited(self):
        """Is inherited."""


class Good(Base):
    version = 2
    grants = "log:write processes:read"
    exclusive = True
    exclusive_keys = ["socket"]
    commands = [plugvisor.Command("lots", "many", arguments=[plugvisor.Argument("words", "array")])]
    constant = 7

    @plugvisor.command(template="{}")
    @plugvisor.command("twice", help="Add more.")
    def add_up(self, a: int, b: float = 0, c: "Any" = None) -> int:
        """Add up.

        In full.

        @param int a       One
        @param double b    Another
        @param any c       And one
        @return int        The sum
        """

    def _helper(self):
        pass

    @plugvisor.command()
    def many(self, numbers: list[int], words: list[str]) -> None:
        """Take many."""

    @staticmethod
    def static(s: str, options: dict = {}) -> dict:
        """Stand alone."""

    @classmethod
    def on_class(cls) -> str:
        """Stand on the class."""

    def half(self, x):
        """Tell a part.

        @param int x
        """

    @plugvisor.result_handler("strict")
    def judge(self, event, result):
        pass

    def before_call(self, method):
        pass

    def close(self):
        pass

    @property
    def shown(self):
        pass


class TestDeclaration(unittest.TestCase):
    def test_class(self):
        d = Declaration(Good)
        self.assertEqual(
            (d.version, d.grants, d.exclusive, d.exclusive_keys, d.threads, d.handlers),
            ("2", ["log:write", "processes:read"], True, ["socket"], 256, {"strict": "judge"}))
        self.assertEqual(list(d.methods), ["inherited", "add_up", "many", "static", "on_class", "half"])
        self.assertEqual(d.methods["add_up"].signature, ["int", "int", "double", "any"])
        self.assertEqual(d.methods["many"].help, "Take many.\n\n@param array numbers\n@param array words\n@return boolean")
        self.assertEqual(d.methods["static"].signature, ["struct", "string", "struct"])
        self.assertEqual(d.methods["on_class"].signature, ["string"])
        self.assertEqual(d.methods["half"].signature, [])
        self.assertEqual([n for n, m in d.methods.items() if m.void], ["many"])
        self.assertEqual([d.methods["add_up"].accepts(n) for n in range(5)], [False, True, True, True, False])

    def test_commands(self):
        got = {c.name: c for c in Declaration(Good).commands}
        self.assertEqual(list(got), ["twice", "add-up", "many", "lots"])
        self.assertEqual((got["twice"].help, got["add-up"].help, got["add-up"].template), ("Add more.", "Add up.\n\nIn full.", "{}"))
        self.assertEqual([(a.name, a.type, a.optional) for a in got["add-up"].arguments],
                         [("a", "int", False), ("b", "double", True), ("c", "json", True)])
        self.assertEqual([a.type for a in got["many"].arguments], ["json", "array"])

    def test_nothing(self):
        d = Declaration(type("Empty", (), {}))
        self.assertEqual((d.version, d.methods, d.grants, d.commands), ("", {}, [], []))

    def test_wrong(self):
        def undocumented(self): pass
        def variadic(self, *a): "x"
        def keyword(self, *, a): "x"
        async def coroutine(self): "x"
        def generator(self):
            "x"
            yield 1
        def unpassable(self, a: set): "x"
        def result(self) -> set: "x"
        def unknown(self, a: "nonsense"): "x"
        def other(self, a):
            "@param int b"
        def fewer(self, a, b):
            "@param int a"
        def nameless(self, a):
            "@param int"
        def command(**fields):
            return {"commands": [plugvisor.Command(**{"name": "c", "method": "m", **fields})], "m": documented}
        def documented(self, a=0): "x"
        array = plugvisor.Argument("a", "array")
        for members, text in (
                ({"m": undocumented}, "method m: it has no docstring"),
                ({"m": variadic}, "method m: parameter a cannot be passed"),
                ({"m": keyword}, "method m: parameter a cannot be passed"),
                ({"m": coroutine}, "method m: it is a coroutine or a generator"),
                ({"m": generator}, "method m: it is a coroutine or a generator"),
                ({"m": unpassable}, "method m: parameter a: values of type set cannot be passed"),
                ({"m": result}, "method m: result: values of type set cannot be passed"),
                ({"m": unknown}, "method m: cannot read the annotations: name 'nonsense' is not defined"),
                ({"m": other}, "method m: the parameters b are documented, but there are a"),
                ({"m": fewer}, "method m: the parameters a are documented, but there are a, b"),
                ({"m": nameless}, 'method m: "@param int" lacks a type or a name'),
                ({"threads": 0}, "threads is no positive number"),
                ({"grants": [1]}, "grants is no list of words"),
                (command(name="two words"), "command two words: 'two words' is no word"),
                (command(method="n"), "command c: there is no method n"),
                (command(arguments=[plugvisor.Argument("a", "date")]), "command c: argument a has the unknown type date"),
                (command(arguments=[array, array]), "command c: argument a takes all the words that are left"),
                ({"commands": ["c"]}, "command c: 'c' is no plugvisor.Command"),
                ({"a": undocumented, "b": variadic}, "not for clients; method b: ")):
            with self.assertRaises(DeclarationError) as raised:
                Declaration(type("Wrong", (), members))
            self.assertIn(text, str(raised.exception))
        with self.assertRaisesRegex(DeclarationError, "serve wants a class"):
            Declaration(Good())


class TestConfig(unittest.TestCase):
    def test_values(self):
        c = plugvisor.Config("name", [("word", " w "), ("n", " 7 "), ("f", "2.5"), ("flag", "Yes"), ("list", "a, b ,,"), ("empty", "")])
        self.assertEqual(
            (c.name, c.get("word"), c.get("none"), c.get("none", "x"), c.get_int("n"), c.get_int("none", 3), c.get_float("f"),
             c.get_bool("flag"), c.get_list("list"), c.get_list("empty"), c.get_list("none", ["d"]), c.complaint()),
            ("name", " w ", None, "x", 7, 3, 2.5, True, ["a", "b", "", ""], [], ["d"], ""))

    def test_complaints(self):
        c = plugvisor.Config("name", [("n", "7s"), ("flag", "maybe"), ("f", "x"), ("zzz", ""), ("Word", "x")])
        self.assertEqual((c.get_int("n", 1), c.get_bool("flag"), c.get_float("f"), c.get("word")), (1, None, None, None))
        self.assertEqual(c.complaint(), 'n: "7s" is no integer; flag: "maybe" is no boolean; f: "x" is no number; '
                                        "unknown option zzz; unknown option Word")
        c.all()
        self.assertEqual(c.complaint(), 'n: "7s" is no integer; flag: "maybe" is no boolean; f: "x" is no number')


class TestFaults(unittest.TestCase):
    def test_faults(self):
        for error, code, text in (
                (Fault(230, "UNKNOWN: x"), 230, "UNKNOWN: x"), (Fault.named(10, "web"), 10, "BAD_NAME: web"),
                (Fault.named(plugvisor.Code.FAILED), 30, "FAILED"), (Fault.named(230), 230, "UNKNOWN"),
                (ValueError("no"), 30, "FAILED: no"), (KeyError("k"), 30, "FAILED: KeyError: 'k'"), (ValueError(), 30, "FAILED: ValueError")):
            fault = as_fault(error)
            self.assertEqual((fault.code, fault.text, str(fault)), (code, text, text))


if __name__ == "__main__":
    unittest.main()
