import json
import os
import subprocess
import sys
import unittest

from plugvisor import _process

HERE = os.path.dirname(os.path.abspath(__file__))


class TestFit(unittest.TestCase):
    def test_short(self):
        record = {"@level": "info", "@message": "é\n\"\ud800"}
        self.assertEqual(json.loads(_process._fit(dict(record))), {"@level": "info", "@message": "é\n\"?"})

    def test_long(self):
        for text in ("x" * 100000, "\n" * 100000, "é" * 100000, "\x01" * 100000):
            line = _process._fit({"@level": "error", "@message": text, "traceback": text + "the end"})
            self.assertLessEqual(len(line), _process._LIMIT)
            record = json.loads(line)
            self.assertTrue(record["traceback"].endswith("the end"))
            self.assertIn(" … ", record["@message"])


class TestProcess(unittest.TestCase):
    """A process that a supervisor has started, as far as it gets without one."""

    def run_script(self, script, **environ):
        return subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
            env={**{k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}, "PYTHONPATH": os.path.dirname(HERE), **environ})

    def test_by_itself(self):
        ran = self.run_script("import plugvisor, logging, os; print('out'); logging.info('not shown'); print(os.environ['PLUGIN_X'])", PLUGIN_X="1")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "out\n1\n", ""))

    def test_taken_over(self):
        script = """
import os, sys, threading, warnings
print("before")
import plugvisor, logging
print("printed", sorted(v for v in os.environ if v.startswith("PLUG")))
os.system("echo child")
logging.getLogger("part").warning("careful %d", 7)
warnings.warn("a warning")
threading.Thread(target=lambda: 1 / 0, name="t").start()
for t in threading.enumerate():
    t is threading.current_thread() or t.join()
raise KeyError("the end")
"""
        ran = self.run_script(script, PLUGVISOR_PLUGIN="rpcinterface", PLUGIN_CLIENT_CERT="secret")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        lines = ran.stderr.splitlines()
        self.assertEqual(lines[:3] + lines[-1:], ["before", "printed []", "child", "KeyError: 'the end'"])
        records = [json.loads(line) for line in lines[3:-1]]
        self.assertEqual(
            [(r["@level"], r.get("@module"), r["@message"].splitlines()[0].split("/")[-1]) for r in records],
            [("warn", "part", "careful 7"), ("warn", "py.warnings", "<string>:8: UserWarning: a warning"),
             ("error", None, "thread t: ZeroDivisionError: division by zero"),
             ("error", None, "the extension ends: KeyError: 'the end'")])
        self.assertTrue(records[2]["traceback"].endswith("ZeroDivisionError: division by zero"))
        self.assertRegex(records[0]["@timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d$")

    def test_wrong_class_by_hand(self):
        ran = self.run_script("import plugvisor\nclass X:\n  def m(self): pass\nplugvisor.serve(X)")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("This plugin of supervisord cannot be used: method m: it has no docstring", ran.stderr)


if __name__ == "__main__":
    unittest.main()
