"""The mapping tables of requirements B6, one module each, in the order a run takes them (R302)."""

from __future__ import annotations

from collections.abc import Mapping

from services.sync.mappings.cost_centres import COST_CENTRES
from services.sync.mappings.cost_units import COST_UNITS
from services.sync.mappings.currencies import CURRENCIES
from services.sync.mappings.field import Kind, Name
from services.sync.mappings.gl_accounts import GL_ACCOUNTS
from services.sync.mappings.organisations import COMPANIES, ORGANISATIONS
from services.sync.mappings.payment_conditions import PAYMENT_CONDITIONS
from services.sync.mappings.projects import PROJECTS
from services.sync.mappings.suppliers import SUPPLIERS
from services.sync.mappings.vat_codes import VAT_CODES

KINDS: tuple[Kind, ...] = (
    COMPANIES,
    ORGANISATIONS,
    CURRENCIES,
    VAT_CODES,
    PAYMENT_CONDITIONS,
    COST_CENTRES,
    COST_UNITS,
    GL_ACCOUNTS,
    PROJECTS,
    SUPPLIERS,
)
"""In the order of R302; purchase invoices and payments come after the suppliers."""

BY_NAME: Mapping[Name, Kind] = {kind.name: kind for kind in KINDS}

__all__ = ["BY_NAME", "KINDS", "Kind", "Name"]
