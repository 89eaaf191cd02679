"""One file as it was handed over, and what kind of file it is. Pure.

The bytes decide first, then the name, and what the sender calls it last: mail programs send XML as
``application/octet-stream``, as ``image/png`` and without any name.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from libs.einvoice import encoding
from services.ingest.uploads import names

_ROOT = re.compile(
    rb"\A\s*(?:<\?xml[^>]*\?>)?\s*(?:<!--.{0,2000}?-->\s*)*"
    rb"<(?:[\w.-]+:)?(?:Invoice|CreditNote|CrossIndustryInvoice|CrossIndustryDocument|eExact|Finvoice)[\s/>]",
    re.DOTALL,
)
"""An invoice in any syntax, supported or not, by its root element."""
_HEAD = 4096
_XML_SUFFIXES = frozenset({".xml", ".ubl"})
_XML_TYPES = frozenset({"application/xml", "text/xml", "application/vnd.oasis.ubl+xml"})
_ASIDE_TYPES = ("text/", "image/", "audio/", "video/", "font/", "message/")
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
     "application/pgp-keys", "application/ics"}
)  # fmt: skip
_ASIDE_SUFFIXES = frozenset(
    {".asc", ".gif", ".htm", ".html", ".ics", ".jpeg", ".jpg", ".p7s", ".png", ".sig", ".svg", ".txt", ".vcf"}
)
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"})
_TNEF = b"\x78\x9f\x3e\x22"


@dataclass(frozen=True, slots=True)
class Part:
    """One file. Its name is decoded and clean, whoever sent it; ``media_type`` is what the sender calls it."""

    data: bytes
    filename: str | None = None
    media_type: str = ""
    folder: str = ""
    """Where it lay in the archive it came out of."""
    stem: str = field(init=False, repr=False)
    """What it is paired by; empty when it has no name."""

    def __post_init__(self) -> None:
        name = names.decoded(self.filename or "")
        own = names.stem(name)
        object.__setattr__(self, "stem", f"{self.folder}/{own}" if self.folder and own else own)
        object.__setattr__(self, "filename", names.shown(name))

    @property
    def is_pdf(self) -> bool:
        return encoding.is_pdf(self.data)

    @property
    def is_fields(self) -> bool:
        """Whether it holds the extra fields of the invoice of its name (``fields.py``)."""
        return names.of_fields(self.filename or "")

    @property
    def claims_xml(self) -> bool:
        """Whether it is meant to be XML, well-formed or not."""
        return (
            self._suffix in _XML_SUFFIXES or self.media_type in _XML_TYPES or _head(self.data)[:1] == b"<"
        ) and not self.is_pdf

    @property
    def is_aside(self) -> bool:
        """Whether it is what mails carry beside their files: the text itself, pictures, signatures, visiting
        cards, invitations. Never an invoice, whatever it is called, nor a PDF."""
        if self.is_pdf or self._suffix in _XML_SUFFIXES or self.media_type in _XML_TYPES:
            return False
        aside = (
            self.media_type.startswith(_ASIDE_TYPES)
            or self.media_type in _SIGNATURES
            or self._suffix in _ASIDE_SUFFIXES
        )
        return aside and _ROOT.match(_head(self.data)) is None

    @property
    def wrapping(self) -> str | None:
        """What keeps its contents from being read: ``winmail``, ``sealed``, or nothing."""
        if self.data.startswith(_TNEF) or self.media_type == "application/ms-tnef":
            return "winmail"
        return "sealed" if self.media_type in _SEALED or self._suffix == ".p7m" else None

    @property
    def _suffix(self) -> str:
        return PurePosixPath(self.filename).suffix.lower() if self.filename else ""


def _head(data: bytes) -> bytes:
    """Where a document begins, as UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data[:_HEAD].decode("utf-16", "replace").lstrip().encode("utf-8", "replace")
    return data[:_HEAD].removeprefix(codecs.BOM_UTF8).lstrip()
