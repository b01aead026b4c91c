"""Certificates to be refused, made by OpenSSL's own program."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_CONFIG = """
[ca]
default_ca = ours
[ours]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
[host]
subjectAltName = ${ENV::NAMES}
[authority]
basicConstraints = critical,CA:true
"""


@dataclass(frozen=True)
class Certificates:
    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Certificates":
        if shutil.which("openssl") is None:
            pytest.skip("no openssl is installed")
        ours = cls(folder)
        (folder / "ca.cnf").write_text(_CONFIG)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01")
        ours._signed("authority", "authority", "20200101000000Z", "20990101000000Z", "", "-selfsign", "-keyfile",
                     "authority.key")  # fmt: skip
        return ours

    def server(
        self, name: str, *, names: str = "IP:127.0.0.1", end: str = "20990101000000Z", start: str = "20200101000000Z",
        by_itself: bool = False,
    ) -> ssl.SSLContext:  # fmt: skip
        """For a server that shows such a certificate."""
        if (self.folder / f"{name}.pem").exists():
            return self._context(name)
        by = ["-selfsign", "-keyfile", f"{name}.key"] if by_itself else ["-cert", "authority.pem"]
        keys = [] if by_itself else ["-keyfile", "authority.key"]
        self._signed(name, "host", start, end, names, *by, *keys)
        return self._context(name)

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def trusted_folder(self) -> Path:
        """As SSL_CERT_DIR wants it: files named by their subject."""
        folder = self.folder / "trusted"
        folder.mkdir(exist_ok=True)
        shutil.copy(self.folder / "authority.pem", folder)
        self._openssl("rehash", str(folder))
        return folder

    def _signed(self, name: str, extensions: str, start: str, end: str, names: str, *by: str) -> None:
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                      f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        self._openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", extensions, "-in", f"{name}.csr",
                      "-out", f"{name}.pem", "-startdate", start, "-enddate", end, *by, names=names)  # fmt: skip

    def _openssl(self, *words: str, names: str = "DNS:none.invalid") -> None:
        subprocess.run(
            ["openssl", *words], cwd=self.folder, check=True, capture_output=True, env={"NAMES": names or "DNS:none"}
        )
