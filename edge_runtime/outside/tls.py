"""How the certificates of places outside are checked."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from edge_runtime.errors import UsageError


def client_context(
    ca_file: Path | None = None, *, cert_file: Path | None = None, key_file: Path | None = None
) -> ssl.SSLContext:
    """A context that checks the certificate and the host name, and takes TLS 1.2 at least.

    Args:
        ca_file: Certificates (PEM) that are trusted rather than the system's.
        cert_file: A certificate of one's own to show.
        key_file: Its private key.

    Raises:
        UsageError: A file cannot be read or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if cert_file is not None:
            # An empty password: a key that needs one is an error, not a question at the terminal.
            context.load_cert_chain(cert_file, key_file, password="")
    except (OSError, ValueError) as error:
        files = ", ".join(str(path) for path in (ca_file, cert_file, key_file) if path is not None)
        raise UsageError(
            f"cannot use the certificates in {files}: {getattr(error, 'strerror', None) or error}."
        ) from error
    return context


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
