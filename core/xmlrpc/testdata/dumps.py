"""Reads values as JSON and prints how xmlrpc.client writes them."""
import json
import sys
from xmlrpc.client import Binary, Fault, dumps


def response(value):
    return dumps((value,), methodresponse=True)


given = json.load(sys.stdin)
texts = given["texts"]
print(json.dumps({
    "doubles": [response(float.fromhex(x)) for x in given["doubles"]],
    "texts": {s: response([s, {s: True, "n": [5]}]) for s in texts},
    "bytes": {s: response(Binary(s.encode())) for s in texts},
    "fault": dumps(Fault(10, "BAD_NAME: x&y")),
}))
