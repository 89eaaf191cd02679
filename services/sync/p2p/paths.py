"""Every path and every name of a field with which Purchase to Pay is spoken to: change them here and nowhere else.

Only signing in (``POST /token``) and ``POST /api/User/Update`` are public; the rest follows their pattern
(exact.md §5: ``/api/{Entity}/{Verb}``, camelCase, upsert by ``externalId``) and is inference. Other inferences:
a page is a list or an object that holds one; pages count from 1 and the last one is empty, short or the
one ``pages`` names; an update replaces the whole record, so what we do not know is sent back as it was; what is
empty is left out.
"""

from __future__ import annotations

from typing import Final

TOKEN: Final = "/token"  # noqa: S105  a path
UPDATE: Final = "/api/{resource}/Update"
READ: Final = "/api/{resource}"

SINCE: Final = "modifiedSince"
PAGE: Final = "page"
PAGES: Final = "pages"
COMPANY_FILTER: Final = "companyExternalId"

ACCESS_TOKEN: Final = "access_token"  # noqa: S105  a name
LISTS: Final = ("items", "results", "data", "records")
"""Where a page that is an object may keep its list."""

INVOICE: Final = "Invoice"
"""Asked for, and refused or not, tells whether our user has the module Invoicing for a company (R217)."""

ADDRESS_TYPE: Final = "AddressType"
SETTING: Final = "SystemSetting"
COMPANY: Final = "Company"

SEPARATE_SUPPLIERS: Final = "DIFFERENT_SUPPLIERS_BY_COMPANY"
SAME_COST_TYPES: Final = "EXACTGLOBE_ADMINS_SAME_COSTTYPES"
