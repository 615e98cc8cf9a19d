"""What a client is made with, beside the address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from noria.client.retry import Retries
from noria.errors import InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    import ssl

Pem = str | os.PathLike[str] | bytes


class Options(NamedTuple):
    """Checked options. ca, cert, key: PEM bytes, b"" where not given."""

    token: str
    ca: bytes
    cert: bytes
    key: bytes
    server_name: str
    retries: Retries

    @property
    def tls(self) -> bool:
        """Whether anything was given that only TLS needs."""
        return bool(self.ca or self.cert)


def make(
    token: str | None, ca: Pem | None, cert: Pem | None, key: Pem | None, server_name: str | None, retries: int
) -> Options:
    """Raises InvalidArgumentError for what does not fit together, NotFoundError for files that do not exist."""
    if (cert is None) != (key is None):
        raise InvalidArgumentError("a client certificate is made of two parts: give cert and key, or neither")
    if retries < 0:
        raise InvalidArgumentError(f"retries is how often a request may be sent again, 0 or more; got {retries}")
    if token is not None and (not token.isascii() or not token.isprintable() or token != token.strip() or not token):
        raise InvalidArgumentError("the token is empty, or has characters that a header cannot carry")
    return Options(
        token or "", _pem("ca", ca), _pem("cert", cert), _pem("key", key), server_name or "", Retries(retries)
    )


def _pem(name: str, given: Pem | None) -> bytes:
    if given is None:
        return b""
    if isinstance(given, bytes):
        content = given
    else:
        try:
            with open(given, "rb") as file:
                content = file.read()
        except OSError as error:
            raise NotFoundError(f"{name}: cannot read {os.fspath(given)}: {error.strerror}") from None
    if b"-----BEGIN " not in content:
        raise InvalidArgumentError(f"{name} is a PEM file, or its content as bytes; this has no '-----BEGIN' line")
    return content


def ssl_context(options: Options) -> ssl.SSLContext:
    """The context of HTTPS connections. Raises InvalidArgumentError for certificates that cannot be used."""
    import ssl  # 15 ms of import that plain connections do without

    try:
        context = ssl.create_default_context(cadata=options.ca.decode("latin-1") if options.ca else None)
        if options.cert:
            _load_pair(context, options)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidArgumentError(f"the certificates cannot be used: {error}") from None
    return context


def _load_pair(context: ssl.SSLContext, options: Options) -> None:
    """OpenSSL reads certificates from files only: one that nobody else can read, for a moment."""
    import tempfile  # as above

    with tempfile.NamedTemporaryFile() as file:
        file.write(options.key + b"\n" + options.cert)
        file.flush()
        context.load_cert_chain(file.name, password=lambda: b"")
