"""E-invoices as bytes, trees and facts. Pure: no I/O but reading packaged schemas once."""

from __future__ import annotations
