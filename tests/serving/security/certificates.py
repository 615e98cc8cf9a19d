"""Certificates made for a test, and the files that a server reads them from."""

from __future__ import annotations

from pathlib import Path

import trustme
from google.protobuf import text_format

from noria.protos import serving as pb


class Authority:
    """A certificate authority. ``root``: the file that clients trust it by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.root = folder / "root.pem"
        self._ca.cert_pem.write_to_path(self.root)

    @property
    def root_pem(self) -> str:
        return self._ca.cert_pem.bytes().decode()

    def issue(self, *names: str) -> tuple[str, str]:
        """(certificate, key) as PEM text, for these host names or addresses."""
        leaf = self._ca.issue_cert(*names)
        return leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()

    def issue_files(self, name: str) -> tuple[Path, Path]:
        """The same as files."""
        paths = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        for path, text in zip(paths, self.issue(name), strict=True):
            path.write_text(text)
        return paths

    def config(self, *names: str, verify: bool = False) -> pb.SSLConfig:
        """What a server's file holds; verify: clients must show a certificate of this authority."""
        certificate, key = self.issue(*(names or ("localhost", "127.0.0.1")))
        ca = self.root_pem if verify else ""
        return pb.SSLConfig(server_key=key, server_cert=certificate, custom_ca=ca, client_verify=verify)


def write(path: Path, config: pb.SSLConfig) -> str:
    """Writes the text form; the path as text."""
    path.write_text(text_format.MessageToString(config))
    return str(path)
