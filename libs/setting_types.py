"""What a setting that is no mere word or number has to look like, said in a sentence where it does not.

Each is a type for a field of a settings class. A refusal never shows the value, which may hold a password; of a file
it shows the path. Whether something answers at an address is not asked here: that is for ``/readyz``.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")


def _domain(text: str) -> bool:
    return len(text) <= 253 and _DOMAIN.fullmatch(text) is not None


def _mail(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at) and _LOCAL.fullmatch(local) is not None and _domain(domain)


def _host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return _NAME.fullmatch(text) is not None
    return True


def _postgres(text: str) -> bool:
    """Without a host it is on this machine; there may be several."""
    address = urlsplit(text)
    hosts = address.netloc.rpartition("@")[2].split(",")
    return address.scheme in {"postgresql", "postgres"} and all(
        urlsplit(f"//{each}").port != 0 for each in hosts
    )


def _url(*schemes: str) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        address = urlsplit(text)
        return address.scheme in schemes and bool(address.hostname) and address.port != 0

    return fits


def _is(fits: Callable[[str], object], sentence: str, *, or_empty: bool = False) -> AfterValidator:
    def checked(text: str) -> str:
        try:
            fine = fits(text) if text else or_empty
        except ValueError:  # what urllib says of a port or a host that is none
            fine = False
        if not fine:
            raise ValueError(sentence)
        return text

    return AfterValidator(checked)


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as bad:  # an SSLError is one
        raise ValueError(f"{path} cannot be read as certificates in PEM ({bad})") from bad
    return path


_HTTP = "this must be an address such as https://postbode.example"
_POSTGRES = "this must be an address such as postgresql://owner:password@database:5432/postbode"
_WITHOUT_END = AfterValidator(lambda text: text.rstrip("/"))

Port = Annotated[int, Field(ge=0, le=65535)]
HttpUrl = Annotated[str, _is(_url("http", "https"), _HTTP), _WITHOUT_END]
HttpUrlOrEmpty = Annotated[str, _is(_url("http", "https"), _HTTP, or_empty=True), _WITHOUT_END]
PostgresUrl = Annotated[str, _is(_postgres, _POSTGRES)]
PostgresUrlOrEmpty = Annotated[str, _is(_postgres, _POSTGRES, or_empty=True)]
AmqpUrl = Annotated[
    str, _is(_url("amqp", "amqps"), "this must be an address such as amqps://user:password@broker:5671/")
]
Host = Annotated[
    str, _is(_host, "this must be the name or address of a machine, such as mail.example, without a port")
]
Domain = Annotated[str, _is(_domain, "this must be a domain, such as in.postbode.example")]
MailAddress = Annotated[str, _is(_mail, "this must be one mail address, such as facturen@postbode.example")]
FolderOrEmpty = Annotated[str, _is(os.path.isdir, "this must be a folder that is there", or_empty=True)]
Certificates = Annotated[Path, AfterValidator(_certificates)]
"""A file of certificates to trust, in PEM."""
