"""Sign a WACZ: the anonymous signature of https://specs.webrecorder.net/wacz-auth/0.1.0/."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import KeyFileUnusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_VERSION = "0.1.0"
_KEY_LIMIT = 100_000
_MAKE = "Make one: openssl ecparam -name secp384r1 -genkey -noout -out KEYFILE"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with a private key; what it gives says nothing of who holds it but the public key."""

    key: EllipticCurvePrivateKey
    software: str

    def sign(self, digest: str, created: datetime) -> dict[str, str]:
        """The `signedData` of a digest, as `sha256:HEX`. The signature is ECDSA with SHA-256 over that text, its two
        numbers side by side, as browsers' Web Cryptography gives and takes it."""
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        first, second = decode_dss_signature(self.key.sign(digest.encode(), ECDSA(hashes.SHA256())))
        size = (self.key.key_size + 7) // 8
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "hash": digest,
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "software": self.software,
            "version": _VERSION,
            "signature": base64.b64encode(first.to_bytes(size, "big") + second.to_bytes(size, "big")).decode(),
            "publicKey": base64.b64encode(public).decode(),
        }


def load_signer(path: Path, software: str) -> Signer:
    """The signer with the key of a PEM file. Raises KeyFileUnusable for anything but an unencrypted key on the curve
    P-384, the one that readers of WACZ check."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with path.open("rb") as file:
            data = file.read(_KEY_LIMIT)
    except OSError as error:
        raise KeyFileUnusable(f"cannot be read ({error.strerror})", str(path), _MAKE) from error
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise KeyFileUnusable("is encrypted", str(path), "Give the key without a passphrase.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileUnusable("holds no private key in PEM", str(path), _MAKE) from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP384R1):
        raise KeyFileUnusable("is no ECDSA key on the curve P-384, as a WACZ needs", str(path), _MAKE)
    return Signer(key, software)
