"""Whether a call is allowed: by its bearer token, or by where it comes from.

Tokens are kept and looked up as SHA-256 digests. Nobody can choose a digest, so how long a lookup takes says nothing
about a token; the one that is found is compared in constant time all the same.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Iterable
from typing import Any, Final

from noria.errors import PermissionDeniedError, TFError, UnauthenticatedError
from noria.serving.config import ServerConfig
from noria.serving.security import tokens
from noria.serving.security.tokens import MANAGE, SERVER, Grant
from noria.serving.security.watch import Watch

_LOG = logging.getLogger(__name__)

_FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})


class Access:
    """The tokens of a server; the file is read again when it changes. Thread-safe.

    A changed file that cannot be read leaves the tokens as they were, and is logged.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._watch = Watch(path)
        self._grants = tokens.read(path)

    def check(self, token: str | None, action: str, model: str = SERVER) -> None:
        """Lets the call pass, or raises.

        action: ``view``, ``predict`` or ``manage`` (``tokens``); model: "" for what is about the whole server. Raises
        UnauthenticatedError without a token or with an unknown one, PermissionDeniedError for a token whose rights
        or models do not cover the call.
        """
        grant = self.find(token)
        if action not in grant.rights:
            held = ", ".join(sorted(grant.rights))
            raise PermissionDeniedError(f"the token of {grant.name!r} may not {action}; its rights are: {held}")
        if not grant.covers(model):
            what = f"the model {model!r}" if model else "the server as a whole"
            raise PermissionDeniedError(
                f"the token of {grant.name!r} may not {action} {what}; its models are: {', '.join(grant.models)}"
            )

    def find(self, token: str | None) -> Grant:
        """The grant of a token. Raises UnauthenticatedError."""
        if not token:
            raise UnauthenticatedError(
                "this server wants a token and got none; send the header or metadata 'authorization: Bearer <token>'"
            )
        if self._watch.changed():
            self._read_again()
        digest = tokens.digest(token)
        grant = self._grants.get(digest)
        if grant is not None and hmac.compare_digest(grant.digest, digest):
            return grant
        raise UnauthenticatedError("the token is not known to this server; ask its operator for one")

    def _read_again(self) -> None:
        try:
            self._grants = tokens.read(self._path)
            _LOG.info("read %d tokens from %s", len(self._grants), self._path)
        except TFError as error:
            _LOG.error("the tokens stay as they were: %s", error)


def make(config: ServerConfig) -> Access | None:
    """The access of a server with these settings; None without ``--tokens_file``. Raises as ``tokens.read`` does."""
    return Access(config.tokens_file) if config.tokens_file else None


def check_management(
    access: Access | None, anyone: bool, peer: str | None, token: str | None, headers: Iterable[str] = ()
) -> None:
    """Lets a call that changes what is served pass, or raises PermissionDeniedError or UnauthenticatedError.

    It may come from this machine (loopback or UNIX socket), with a token that may manage, and, on a server without
    tokens, from anywhere where ``anyone`` says so; a token that may not is refused wherever it comes from.

    peer: as ``is_local`` takes it; headers: the names, in lower case, of what came with the call: a call that was
    forwarded is not one of this machine.
    """
    if access is not None and token:
        access.check(token, MANAGE)
        return
    if is_local(peer) and _FORWARDED.isdisjoint(headers):
        return
    if access is None and anyone:
        return
    if access is not None:
        access.check(token, MANAGE)
    raise PermissionDeniedError(
        f"calls that change what is served are taken from this machine only, not from {peer or 'an unknown address'}; "
        "start the server with --tokens_file and send a token that may manage, or with --allow_remote_management"
    )


def is_local(peer: str | None) -> bool:
    """Whether a peer (``edge.peer_of``) is a process of this machine: of a UNIX socket or a loopback address."""
    if peer == "unix:":
        return True
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def token_in(headers: Iterable[tuple[Any, Any]]) -> str | None:
    """The bearer token among HTTP headers or gRPC metadata: names in lower case, str or bytes; None without one."""
    for name, value in headers:
        if name in (b"authorization", "authorization"):
            return bearer(value.decode("latin-1") if isinstance(value, bytes) else value)
    return None


def bearer(header: str) -> str | None:
    """The token in the value of an authorization header; None where it has another scheme."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
