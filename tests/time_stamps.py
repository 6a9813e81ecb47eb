"""A real time-stamp authority for tests: OpenSSL's, behind a small HTTP server on this machine, with its own root."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
certs = {folder}/root.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
"""

Altered = Callable[[bytes], tuple[int, bytes]]
"""Makes of an answer what goes out: a status and a body."""


@dataclass
class Authority:
    """A running authority. `root` is its root certificate (PEM), `asked` the number of requests;
    `altered` may be set at any time to make it answer badly."""

    url: str
    root: Path
    folder: Path
    asked: int = 0
    altered: Altered = field(default=lambda answer: (200, answer))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stamp(self, query: bytes) -> bytes:
        """The authority's answer to a TimeStampReq."""
        with self.lock:  # openssl counts serial numbers in a file, for one process at a time
            place = self.folder / f"query-{self.asked}.tsq"
            place.write_bytes(query)
            answer = place.with_suffix(".tsr")
            openssl("ts", "-reply", "-config", self.folder / "openssl.cnf", "-section", "tsa_config",
                    "-queryfile", place, "-out", answer)  # fmt: skip
            return answer.read_bytes()


def openssl(*arguments: object) -> str:
    """Run openssl(1); gives what it printed. Fails the test when it fails."""
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"openssl {' '.join(map(str, arguments))}: {done.stderr}"
    return done.stdout


@contextmanager
def running_authority(folder: Path, name: str = "Test") -> Iterator[Authority]:
    """Serve until the block ends; skips, saying why, where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl(1) to stamp with")
    folder.mkdir(parents=True, exist_ok=True)
    _make_certificates(folder, name)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            authority.asked += 1
            status, body = authority.altered(authority.stamp(query))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority = Authority(f"http://127.0.0.1:{server.server_address[1]}/tsr", folder / "root.pem", folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _make_certificates(folder: Path, name: str) -> None:
    config = folder / "openssl.cnf"
    config.write_text(_CONFIG.format(name=f"{name} authority", folder=folder))
    (folder / "serial").write_text("01\n")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", folder / "root.key", "-out", folder / "root.pem", "-days", "30",
            "-subj", f"/CN={name} root", "-config", config, "-extensions", "ca")  # fmt: skip
    openssl("req", *new_key, "-keyout", folder / "signer.key", "-out", folder / "signer.csr",
            "-subj", f"/CN={name} stamping", "-config", config)  # fmt: skip
    openssl("x509", "-req", "-in", folder / "signer.csr", "-CA", folder / "root.pem", "-CAkey", folder / "root.key",
            "-CAcreateserial", "-out", folder / "signer.pem", "-days", "30", "-extfile", config,
            "-extensions", "stamping")  # fmt: skip
