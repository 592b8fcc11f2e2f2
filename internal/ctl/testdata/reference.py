# Supervisor's own supervisorctl, loaded once: a process is forked for each command
# line that arrives on the socket named by the first argument, with its standard
# streams, and answers its exit code as one byte.
import json
import os
import socket
import sys
import warnings

warnings.simplefilter("ignore")
import cmd, getpass, readline  # what it imports late
from supervisor import supervisorctl


def run(conn):
    data, fds, _, _ = socket.recv_fds(conn, 1 << 16, 3)
    call = json.loads(data)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(call["env"])
    os.chdir(call["dir"])
    sys.argv = ["/usr/bin/supervisorctl"] + call["args"]
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)
    code = 1
    try:
        supervisorctl.main()
    except SystemExit as e:
        code = e.code or 0
    except BaseException as e:
        print(repr(e), file=sys.stderr)
    sys.stdout.flush()
    return code


server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(64)
print("ready", flush=True)
while True:
    conn, _ = server.accept()
    if os.fork() == 0:
        # The child of a child that ends at once is nobody's to wait for.
        if os.fork() == 0:
            server.close()
            conn.send(bytes([run(conn)]))
        os._exit(0)
    conn.close()
    os.wait()
