"""TLS for both protocols from one kind of file, TensorFlow Serving's: a text ``SSLConfig`` that holds PEM text.

    server_key: "-----BEGIN PRIVATE KEY-----\\n..."       the server's private key, not encrypted
    server_cert: "-----BEGIN CERTIFICATE-----\\n..."      its certificate, with those that lead to the root after it
    custom_ca: "-----BEGIN CERTIFICATE-----\\n..."        the authorities whose clients are believed
    client_verify: true                                  whether clients must show a certificate

A file that changes is read again with the next handshake, so that a renewed certificate needs no restart; one that is
bad then leaves the old certificate in use, and is logged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
import tempfile
from collections.abc import Iterator
from typing import Final

from noria.errors import InvalidArgumentError, TFError
from noria.formats import files, proto_file
from noria.protos.serving import SSLConfig
from noria.serving.security.watch import Watch

_LOG = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0  # a client that takes longer is cut off; what watches over connections sees them afterwards

HTTP1: Final = "http/1.1"  # what the two protocols are called in a handshake (ALPN)
HTTP2: Final = "h2"

_DESCRIPTORS: Final = "/proc/self/fd"


def read_config(path: str) -> SSLConfig:
    """The checked content of the file at ``path``.

    Raises InvalidArgumentError, saying which part of the file is wrong, for anything that TLS could not start with;
    NotFoundError and PermissionDeniedError for a file that cannot be read.
    """
    try:
        config = proto_file.parse_text(SSLConfig, files.read_bytes(path), path)
    except TFError as error:
        raise type(error)(f"the SSL config file cannot be used: {error}") from None
    for field in ("server_key", "server_cert"):
        if not getattr(config, field).strip():
            raise InvalidArgumentError(f"{path}: {field} is empty; it holds PEM text, not the path of a file")
    if config.client_verify and not config.custom_ca.strip():
        raise InvalidArgumentError(
            f"{path}: client_verify wants custom_ca, the PEM text of the authorities whose clients are believed"
        )
    make_context(config, path, HTTP1)
    return config


def make_context(config: SSLConfig, path: str, protocol: str) -> ssl.SSLContext:
    """The context of a server with these certificates. Raises InvalidArgumentError; ``path`` is named in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # which HTTP/2 forbids, and nobody needs
    context.set_alpn_protocols([protocol])
    with _as_file(config.server_cert) as certificate, _as_file(config.server_key) as key:
        try:
            context.load_cert_chain(certificate, key, password=lambda: b"")  # a password is never asked for
        except (ssl.SSLError, ValueError) as error:
            raise InvalidArgumentError(f"{path}: {_why_refused(config, error)}") from None
    if config.custom_ca.strip():
        try:
            context.load_verify_locations(cadata=config.custom_ca)
        except (ssl.SSLError, ValueError) as error:
            raise InvalidArgumentError(f"{path}: custom_ca is no PEM text of certificates: {error}") from None
    if config.client_verify:
        context.verify_mode = ssl.CERT_REQUIRED
        # A session that is taken up again shows no certificate: it would let in who is not believed any more.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def _why_refused(config: SSLConfig, error: Exception) -> str:
    if "ENCRYPTED" in config.server_key:
        return "server_key is encrypted; a server needs it in the clear (openssl pkey -in KEY)"
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return "server_key is not the key of server_cert"
    if "-----BEGIN CERTIFICATE-----" not in config.server_cert:
        return "server_cert is no PEM text of a certificate (it holds the text, not the path of a file)"
    if "PRIVATE KEY-----" not in config.server_key:
        return "server_key is no PEM text of a private key (it holds the text, not the path of a file)"
    return f"server_key and server_cert cannot be used: {error}"


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path where OpenSSL, which reads certificates from files only, finds ``text``; on Linux never on a disk."""
    if hasattr(os, "memfd_create") and os.path.isdir(_DESCRIPTORS):
        descriptor = os.memfd_create("noria-tls")
        try:
            os.write(descriptor, text.encode())
            yield f"{_DESCRIPTORS}/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, path = tempfile.mkstemp()  # which only this user can read
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)


class Certificates:
    """The file of one protocol, looked at again as it changes. Thread-safe."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._watch = Watch(path)
        self.config = read_config(path)

    def changed(self) -> bool:
        """Whether ``config`` is now another one, after a look at the file where one is due."""
        if not self._watch.changed():
            return False
        try:
            self.config = read_config(self._path)
        except TFError as error:
            _LOG.error("the certificates stay as they were: %s", error)
            return False
        _LOG.info("read new certificates from %s", self._path)
        return True


def server_context(path: str, protocol: str) -> ssl.SSLContext:
    """The context of a server with the file at ``path``. Raises as ``read_config`` does.

    protocol: HTTP1 or HTTP2, which the handshake offers. A client that knows neither name gets its connection all the
    same: whether it is served is for the protocol to say.
    """
    certificates = Certificates(path)
    context = make_context(certificates.config, path, protocol)
    newest = [context]

    def hello(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if certificates.changed():
            newest[0] = make_context(certificates.config, path, protocol)
        if connection.context is not newest[0]:
            connection.context = newest[0]

    context.sni_callback = hello  # called with every handshake, a name in it or not
    return context
