"""From the start of the process to its end."""

import os
import signal
import sys
import tempfile
import threading
from concurrent import futures

import grpc

from . import _call, _process, _tls
from ._config import Config
from ._faults import Code, Fault, as_fault, incorrect
from ._host import Host
from ._methods import Declaration, DeclarationError
from ._protocol import MAX_MESSAGE, METHODS, NAMESPACE, VERSION, message, ours
from ._types import Caller, Event, SupervisorState, known
from ._values import decode, encode_result, utf8

_ANNOUNCED = 5  # seconds that the announcement of the Host service may take
_MAX_PATH = 107  # bytes of a unix socket's path


def serve(extension):
    """Serve a class as an extension until the supervisor ends it, and do not return.
    Where no supervisor started the process, say what it is and exit with status 1."""
    try:
        declaration, wrong = Declaration(extension), None
    except DeclarationError as e:
        declaration, wrong = None, str(e)
    if not _process.started_by_supervisor():
        print(_introduction(declaration, wrong), end="", file=sys.stderr)
        sys.exit(1)
    _process.watch_lifeline()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the supervisor says when to end
    identity = _tls.Identity.of(_process.environment.get("PLUGIN_CLIENT_CERT"))
    plugin = _Plugin(declaration, wrong, identity)
    server = grpc.server(
        futures.ThreadPoolExecutor(declaration.threads if declaration else 1, "call"),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
        ])
    server.add_generic_rpc_handlers([plugin])
    address = _address()
    try:
        if identity:
            port = server.add_secure_port("unix:" + address, identity.server_credentials())
        else:
            port = server.add_insecure_port("unix:" + address)
    except RuntimeError:
        port = 0
    if not port:
        raise OSError(f"cannot listen on {address}")
    server.start()
    _process.shake_hands("|".join(
        ["1", str(_version()), "unix", address, "grpc", identity.announced() if identity else ""]))
    plugin.ended.wait()
    server.stop(1).wait()
    _process.end(0)


def _version():
    """The highest version that both sides speak; ours where there is none, for the
    supervisor to say what is wrong."""
    theirs = _process.environment.get("PLUGIN_PROTOCOL_VERSIONS", "").split(",")
    both = [v for v in (VERSION,) if str(v) in theirs]
    return max(both, default=VERSION)


def _address():
    directory = _process.environment.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp(prefix="plugin")
    address = os.path.join(directory, f"plugin{os.getpid()}")
    if len(os.fsencode(address)) > _MAX_PATH:
        raise OSError(f"the path {address} is too long for a socket: {_MAX_PATH} bytes at most")
    return address


def _introduction(declaration, wrong):
    """What a person is told who ran the extension by hand."""
    if wrong:
        return f"This plugin of supervisord cannot be used: {wrong}\n"
    path = os.path.abspath(sys.argv[0])
    if not os.access(path, os.X_OK):
        path = f"{sys.executable} {path}"
    version = f", version {declaration.version}" if declaration.version else ""
    lines = [f"This is a plugin of supervisord{version}. It is not run by hand."]
    if declaration.methods:
        lines.append(f"It has the methods {', '.join(declaration.methods)}.")
    lines += [
        "", "To use it, add a section to supervisord.conf, with a name of your choice:", "",
        "[rpcinterface:NAME]", f"supervisor.rpcinterface_factory = {path}",
    ]
    if declaration.grants:
        lines.append(f"plugin.grants = {' '.join(declaration.grants)}")
    lines += ["", "and run: supervisorctl reload", ""]
    return "\n".join(lines)


class _Plugin(grpc.GenericRpcHandler):
    """All services of the plugin's socket."""

    def __init__(self, declaration, wrong, identity):
        self.ended = threading.Event()
        self._declaration = declaration
        self._wrong = wrong
        self._identity = identity
        self._announced = {}
        self._announcement = threading.Condition()
        self._configured = None  # (instance, host, channel)
        # What the supervisor asks of the plugin itself is served when all threads are
        # taken by calls, and so is the broker's stream, which never ends.
        control = futures.ThreadPoolExecutor(8, "control")
        self._handlers = {}
        for path, behaviour, pool in (
                (NAMESPACE + "Describe", self._describe, control),
                (NAMESPACE + "Configure", self._configure, control),
                (NAMESPACE + "Call", self._call, None),
                (NAMESPACE + "HandleResult", self._handle_result, None),
                (NAMESPACE + "Shutdown", self._shutdown, control),
                ("/plugin.GRPCBroker/StartStream", self._broker, control),
                ("/plugin.GRPCController/Shutdown", self._end, control),
                ("/grpc.health.v1.Health/Check", self._health, control)):
            self._handlers[path] = _handler(path, behaviour, pool)

    def service(self, details):
        return self._handlers.get(details.method)

    def _describe(self, request, context):
        response = ours("DescribeResponse")()
        if self._wrong:
            _set_fault(response.fault, Fault.named(Code.FAILED, self._wrong))
            return response
        d, out = self._declaration, response.description
        out.version = utf8(d.version)
        for m in d.methods.values():
            out.methods.add(name=m.name, help=utf8(m.help), signature=[utf8(word) for word in m.signature])
        out.grants.extend(utf8(g) for g in d.grants)
        out.result_handlers.extend(utf8(name) for name in d.handlers)
        out.exclusive = d.exclusive
        out.exclusive_keys.extend(utf8(key) for key in d.exclusive_keys)
        for c in d.commands:
            command = out.commands.add(name=c.name, help=utf8(c.help), method=c.method, template=utf8(c.template))
            for a in c.arguments:
                command.arguments.add(name=utf8(a.name), type=a.type, optional=a.optional)
        return response

    def _configure(self, request, context):
        response = ours("ConfigureResponse")()
        try:
            channel = self._connect(request.host_service_id)
            before, self._configured = self._configured, None
            _close(before)
            self._configured = self._make(request, channel)
        except BaseException as e:
            _set_fault(response.fault, _told("__init__", e))
        return response

    def _connect(self, service_id):
        with self._announcement:
            if not self._announcement.wait_for(lambda: service_id in self._announced, _ANNOUNCED):
                raise Fault.named(Code.FAILED, "the supervisor did not say where its Host service is")
            network, address = self._announced.pop(service_id)
        target = ("unix:" if network == "unix" else "") + address
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.ssl_target_name_override", "localhost"),
            ("grpc.enable_retries", 0),
        ]
        if self._identity:
            channel = grpc.secure_channel(target, self._identity.channel_credentials(), options)
        else:
            channel = grpc.insecure_channel(target, options)
        try:
            grpc.channel_ready_future(channel).result(_ANNOUNCED)
        except grpc.FutureTimeoutError:
            channel.close()
            raise Fault.named(Code.FAILED, f"cannot connect to the Host service at {address}") from None
        return channel

    def _make(self, request, channel):
        host = Host(channel)
        config = Config(request.name, [(o.name, o.value) for o in request.options])
        of = self._declaration.of
        made = None
        try:
            instance = of() if of.__init__ is object.__init__ else of(host, config)
            made = (instance, host, channel)
            if config.complaint():
                raise Fault.named(Code.FAILED, config.complaint())
        except BaseException:
            try:
                _close(made or (None, host, channel))
            except Exception as e:
                _process.error("close", e)
            raise
        return made

    def _call(self, request, context):
        response = ours("CallResponse")()
        try:
            response.result.CopyFrom(encode_result(self._answer(request, context)))
        except BaseException as e:
            _set_fault(response.fault, _told(request.method, e))
        return _limited(response)

    def _answer(self, request, context):
        instance = self._instance()
        method = self._declaration.methods.get(request.method)
        if method is None:
            raise Fault.named(Code.UNKNOWN_METHOD)
        if not method.accepts(len(request.params)):
            raise incorrect()
        caller = Caller(request.caller.user, request.caller.peer, request.caller.server)
        token = _call.current.set(_call.Call(caller, known(SupervisorState, request.state), request.token, context))
        try:
            gate = getattr(instance, "before_call", None)
            if gate is not None:
                gate(request.method)
            arguments = method.arguments([decode(v) for v in request.params])
            result = getattr(instance, request.method)(*arguments)
        finally:
            _call.current.reset(token)
        return True if method.void else result

    def _handle_result(self, request, context):
        response = ours("HandleResultResponse")()
        try:
            instance = self._instance()
            name = self._declaration.handlers.get(request.handler)
            if name is None:
                raise Fault.named(Code.FAILED, f"there is no result handler {request.handler}")
            event = Event(request.event.name, request.event.payload, request.event.group, request.event.process)
            token = _call.current.set(_call.Call(Caller(), SupervisorState.RUNNING, "", context))
            try:
                response.accepted = bool(getattr(instance, name)(event, request.result))
            finally:
                _call.current.reset(token)
        except BaseException as e:
            _set_fault(response.fault, _told(f"result handler {request.handler}", e))
        return response

    def _instance(self):
        configured = self._configured
        if configured is None:
            raise Fault.named(Code.FAILED, "the plugin is not configured")
        return configured[0]

    def _shutdown(self, request, context):
        response = ours("ShutdownResponse")()
        configured, self._configured = self._configured, None
        try:
            _close(configured)
        except BaseException as e:
            _set_fault(response.fault, _told("close", e))
        return response

    def _broker(self, requests, context):
        """Hear where the Host service is. The stream lasts as long as the connection."""
        try:
            for info in requests:
                if not info.HasField("knock"):
                    with self._announcement:
                        self._announced[info.service_id] = (info.network, info.address)
                        self._announcement.notify_all()
        except grpc.RpcError:
            pass  # the supervisor has left
        return iter(())

    def _end(self, request, context):
        self.ended.set()
        return message("plugin.Empty")()

    def _health(self, request, context):
        response = message("grpc.health.v1.HealthCheckResponse")
        if request.service not in ("", "plugin"):
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return response(status=response.SERVING)


def _handler(path, behaviour, pool):
    streams, _, request, response = METHODS[path]

    def serve(request, context):
        return behaviour(request, context)
    if pool is not None:
        serve.experimental_thread_pool = pool  # grpcio's; where it is gone, there is one pool for all
    make = grpc.stream_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
    return make(serve, request.FromString, response.SerializeToString)


def _close(configured):
    """End what Configure made."""
    if configured is None:
        return
    instance, host, channel = configured
    try:
        host.close_watchers()
        close = getattr(instance, "close", None)
        if close is not None:
            close()
    finally:
        channel.close()


def _set_fault(out, fault):
    out.code, out.message = fault.code, utf8(fault.text)


def _told(what, exception):
    """The fault that an exception is. What is no Fault goes to the log."""
    if not isinstance(exception, Fault):
        _process.error(what, exception)
    return as_fault(exception)


def _limited(response):
    if response.ByteSize() <= MAX_MESSAGE:
        return response
    response = ours("CallResponse")()
    _set_fault(response.fault, Fault.named(Code.FAILED, f"the result is larger than {MAX_MESSAGE} bytes"))
    return response
