"""Hand invoices over to a Postbode hub, each of them once, whatever the network does meanwhile.

::

    with Client("https://hub.example", key) as hub:
        receipt = hub.submit(File.read("F2026-0117.xml"), File.read("F2026-0117.pdf"))

``AsyncClient`` has the same methods to await. Both say 'taken' only when the hub has stored it, and try again with the same
``Idempotency-Key`` until they know.
"""

from __future__ import annotations

from postbode_client.aio import AsyncClient
from postbode_client.answers import Invoice, Item, Receipt
from postbode_client.client import Client
from postbode_client.errors import HubError, Refused, Unreachable
from postbode_client.parcels import File

__all__ = [
    "AsyncClient",
    "Client",
    "File",
    "HubError",
    "Invoice",
    "Item",
    "Receipt",
    "Refused",
    "Unreachable",
]
