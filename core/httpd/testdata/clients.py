"""Makes the same calls with several clients and prints what they answer."""
import json
import sys
import xmlrpc.client

sys.path.append("/usr/lib/python3/dist-packages")  # where Debian's package lies


def calls(proxy):
    out = [str(proxy.test.getVersion()), str(proxy.test.echo("a", 5, True, 1.5, {"k": ["é<&>"]}))]
    for refused in proxy.test.refuses, proxy.test.nope:
        try:
            refused()
        except xmlrpc.client.Fault as f:
            out.append("%d %s" % (f.faultCode, f.faultString))
    return "|".join(out)


where = json.load(sys.stdin)
answers = {"tcp": calls(xmlrpc.client.ServerProxy("http://us:pw@%s/RPC2" % where["tcp"]))}
try:
    from supervisor.xmlrpc import SupervisorTransport
except ImportError:
    pass
else:
    answers["transport"] = calls(xmlrpc.client.ServerProxy("http://x", SupervisorTransport("", "", "unix://" + where["unix"])))
print(json.dumps(answers))
