"""The messages and services of the protocol, made of protocol.binpb, which is a
google.protobuf.FileDescriptorSet. Nothing is generated: any protobuf that is
installed will do."""

import functools
import os

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MAX_MESSAGE = 16 << 20  # bytes, in either direction
VERSION = 1


def _load():
    path = os.path.join(os.path.dirname(__file__), "protocol.binpb")
    with open(path, "rb") as f:
        files = descriptor_pb2.FileDescriptorSet.FromString(f.read()).file
    pool = descriptor_pool.DescriptorPool()  # our own: other packages may have the same files
    for file in files:
        pool.AddSerializedFile(file.SerializeToString())
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
        class_of = message_factory.GetMessageClass
    else:
        class_of = message_factory.MessageFactory(pool).GetPrototype

    @functools.lru_cache(None)
    def message(name):
        return class_of(pool.FindMessageTypeByName(name.lstrip(".")))

    methods = {}
    for file in files:
        for service in file.service:
            for m in service.method:
                methods[f"/{file.package}.{service.name}/{m.name}"] = (
                    m.client_streaming, m.server_streaming, message(m.input_type), message(m.output_type))
    return message, methods


message, METHODS = _load()
"""METHODS maps a method's path to (client streams, server streams, request, response)."""

_PACKAGE = "plugvisor.rpcinterface.v1."
NAMESPACE = "/plugvisor.rpcinterface.v1.Namespace/"
HOST = "/plugvisor.rpcinterface.v1.Host/"


@functools.lru_cache(None)
def ours(name):
    """The class of a message of our package."""
    return message(_PACKAGE + name)


Value = ours("Value")
Struct = ours("Struct")
