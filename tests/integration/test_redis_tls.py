"""`rediss://`: with a certificate that is trusted, and with one that is not."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stream.config import RedisConfig
from stream.connection import check, connect
from stream.errors import RedisError
from tests.integration.publishing import tell, working
from tests.peers.redis_server import DEBIANS_REDIS, RedisServer, free_port, program_of
from tests.records import windows

pytestmark = pytest.mark.integration


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "livevec test")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a certificate is valid in real time
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_path, certificate_path = folder / "key.pem", folder / "certificate.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return key_path, certificate_path


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a server with TLS, and the certificate to trust."""
    key, certificate = write_certificate(tmp_path)
    port = free_port()
    settings = {
        "port": "0",
        "tls_port": str(port),
        "tls_key_file": str(key),
        "tls_cert_file": str(certificate),
        "tls_ca_cert_file": str(certificate),
        "tls_auth_clients": "no",
    }
    with RedisServer(program_of(DEBIANS_REDIS), tmp_path, **settings):
        yield f"rediss://127.0.0.1:{port}", certificate


def test_a_trusted_certificate_will_do(certified: tuple[str, Path]) -> None:
    url, certificate = certified

    async def story() -> None:
        async with working(f"{url}?ssl_ca_certs={certificate}") as work:
            work.offer(1, 2)
            await work.finish()
            assert await windows(work.client) == [1, 2]

    tell(story())


def test_a_certificate_that_nobody_vouches_for_is_refused(certified: tuple[str, Path]) -> None:
    url, _ = certified

    async def story() -> None:
        config = RedisConfig(url=url)
        async with connect(config) as client:
            with pytest.raises(RedisError, match="certificate verify failed"):
                await check(client, config)

    tell(story())
