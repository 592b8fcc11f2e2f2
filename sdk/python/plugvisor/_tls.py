"""AutoMTLS: certificates made for this one process."""

import base64
import datetime

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=30 * 365)
_SKEW = datetime.timedelta(minutes=5)


class Identity:
    """Our key and certificate, and the one certificate that we trust."""

    def __init__(self, trusted):
        self._trusted = trusted.encode()
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(key)
        self._der = certificate.public_bytes(serialization.Encoding.DER)
        self._pem = certificate.public_bytes(serialization.Encoding.PEM)
        self._key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @classmethod
    def of(cls, trusted):
        """The identity for a supervisor with a certificate; None where it has none."""
        return cls(trusted) if trusted else None

    def announced(self):
        """The certificate as the handshake has it."""
        return base64.b64encode(self._der).decode().rstrip("=")

    def server_credentials(self):
        return grpc.ssl_server_credentials([(self._key, self._pem)], self._trusted, require_client_auth=True)

    def channel_credentials(self):
        return grpc.ssl_channel_credentials(self._trusted, self._key, self._pem)


def _certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=True, data_encipherment=False,
        key_agreement=True, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
