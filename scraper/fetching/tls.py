"""Which servers' certificates are trusted: those of the system, and those of --ca-file."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet._sslverify import ClientTLSOptions, IOpenSSLTrustRoot
from twisted.internet.ssl import CertificateOptions
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from scraper.errors import UsageError
from storage.exchange import TlsFacts

MAX_HOSTS = 256


@implementer(IOpenSSLTrustRoot)
class _Anchors:
    """The system's anchors of trust with those of a PEM file added."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file

    def _addCACertsToContext(self, context: SSL.Context) -> None:  # noqa: N802, Twisted's name
        context.set_default_verify_paths()
        if self._ca_file is not None:
            context.load_verify_locations(str(self._ca_file))


@implementer(IPolicyForHTTPS)
class TrustPolicy:
    """Verifies chain and name of every server. One TLS context serves all hosts, since reading anchors costs 10 ms."""

    def __init__(self, ca_file: Path | None = None) -> None:
        self._options = CertificateOptions(trustRoot=cast("Any", _Anchors(ca_file)), fixBrokenPeers=True)
        self._creators: OrderedDict[bytes, Any] = OrderedDict()

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: N802, Twisted's name
        """What makes a TLS connection to a host: its name is sent (SNI) and checked, whatever address is dialled."""
        creator = self._creators.get(hostname)
        if creator is None:
            creator = ClientTLSOptions(self._options._makeTLSConnection, hostname.decode("ascii"))
            self._creators[hostname] = creator
            if len(self._creators) > MAX_HOSTS:
                self._creators.popitem(last=False)
        return creator


def check_ca_file(ca_file: Path) -> None:
    """Raise UsageError when a file holds no certificates to trust."""
    try:
        SSL.Context(SSL.TLS_CLIENT_METHOD).load_verify_locations(str(ca_file))
    except (SSL.Error, OSError):
        raise UsageError(
            "no certificates in PEM form can be read there", str(ca_file), "Give --ca-file a file with certificates."
        ) from None


def facts_of(connection: object) -> TlsFacts | None:
    """What the handshake of a connection's handle established; None where there is no TLS."""
    if not isinstance(connection, SSL.Connection):
        return None
    chain = connection.get_peer_cert_chain(as_cryptography=True) or ()
    return TlsFacts(
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        chain=tuple(_der(certificate) for certificate in chain),
    )


def _der(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.DER))
