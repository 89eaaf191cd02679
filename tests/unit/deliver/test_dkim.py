"""The signature on a mail, checked by a library that shares nothing with what made it."""

from __future__ import annotations

from base64 import b64encode

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from services.deliver.email.dkim import BadKey, Signer
from services.deliver.email.mail import compose
from services.deliver.settings import DeliverSettings
from tests.unit.deliver.sample import MAIL_FROM, job, loaded, receiver

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


SIGNER = Signer("hub.example", "s1", pem(KEY))


def published(name: bytes, timeout: int = 5) -> bytes:
    assert name == b"s1._domainkey.hub.example."
    return b"v=DKIM1; k=rsa; p=" + PUBLIC


def holds(mail: bytes) -> bool:
    return bool(dkim.verify(mail, dnsfunc=published))


@pytest.mark.parametrize("name", ["De Jong", "Café Ünïcode & zonen B.V. met een heel lange naam " * 3])
def test_the_published_key_confirms_it(name: str) -> None:
    assert holds(SIGNER.sign(compose(loaded(job(to=receiver(name))), MAIL_FROM)))


def test_also_after_a_server_on_the_way_folded_its_headers_anew() -> None:
    signed = SIGNER.sign(compose(loaded(job()), MAIL_FROM))
    assert holds(
        b"Received: from hub by relay\r\n" + signed.replace(b"Subject: Factuur ", b"subject:  Factuur\r\n\t")
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Subject: Factuur", b"Subject: Aanmaning"),
        (b"To: in@dejong.example", b"To: all@x.example"),
        (b"From: ", b"From: Bank <bank@x.example>\r\nFrom: "),
        (b"Content-Type: application/pdf", b"Content-Type: application/exe"),
    ],
)
def test_whoever_changes_it_breaks_it(before: bytes, after: bytes) -> None:
    signed = SIGNER.sign(compose(loaded(job()), MAIL_FROM))
    assert before in signed
    assert not holds(signed.replace(before, after, 1))


def test_keys_that_cannot_sign_are_told_at_the_start() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for bad in (pem(weak), pem(ed25519.Ed25519PrivateKey.generate()), "no key", ""):
        with pytest.raises(BadKey):
            Signer("hub.example", "s1", bad)
        with pytest.raises(ValueError, match="key"):
            DeliverSettings(dkim_key=bad, dkim_selector="s1")
    with pytest.raises(ValueError, match="both or neither"):
        DeliverSettings(dkim_selector="s1")
