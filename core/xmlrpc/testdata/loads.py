"""Reads documents as JSON and prints what supervisor.xmlrpc makes of each."""
import datetime
import json
import sys

sys.path.append("/usr/lib/python3/dist-packages")  # where Debian's package lies

try:
    from supervisor.xmlrpc import supervisor_xmlrpc_handler
except ImportError:
    print("null")
    sys.exit()


def show(v):
    if v is None:
        return "nil"
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, int):
        return "i%d" % max(-2**63, min(2**63 - 1, v))
    if isinstance(v, float):
        return "d%r" % v
    if isinstance(v, str):
        return json.dumps(v).replace("\x7f", "\\u007f")
    if isinstance(v, datetime.datetime):
        return "t" + v.isoformat()
    if isinstance(v, (list, tuple)):
        return "[%s]" % ",".join(map(show, v))
    if any(not isinstance(k, str) for k in v):
        raise ValueError("a name is no string")
    return "{%s}" % ",".join("%s:%s" % (show(k), show(x)) for k, x in v.items())


def loads(text):
    handler = supervisor_xmlrpc_handler(None, [])
    try:
        params, method = handler.loads(text)
        answer = show(method) + show(params or ())
    except Exception:
        return "error"
    return answer if method else "no method"


print(json.dumps([loads(d) for d in json.load(sys.stdin)]))
