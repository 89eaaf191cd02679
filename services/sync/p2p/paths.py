"""Every path and every name of a field with which Purchase to Pay is spoken to: change them here and nowhere else.

Only signing in (``POST /token``) and ``POST /api/User/Update`` are public; the rest follows their pattern
(exact.md §5: ``/api/{Entity}/{Verb}``, camelCase, upsert by ``externalId``) and is inference. Other inferences:
a page is a list or an object that holds one; pages count from 1 and the last one is empty or short.
"""

from __future__ import annotations

from typing import Final

TOKEN: Final = "/token"  # noqa: S105  a path
UPDATE: Final = "/api/{resource}/Update"
READ: Final = "/api/{resource}"

SINCE: Final = "modifiedSince"
PAGE: Final = "page"

ACCESS_TOKEN: Final = "access_token"  # noqa: S105  a name
LISTS: Final = ("items", "results", "data", "records")
"""Where a page that is an object may keep its list."""

USER: Final = "User"
ADDRESS_TYPE: Final = "AddressType"
SETTING: Final = "SystemSetting"
COMPANY: Final = "Company"

SEPARATE_SUPPLIERS: Final = "DIFFERENT_SUPPLIERS_BY_COMPANY"
SAME_COST_TYPES: Final = "EXACTGLOBE_ADMINS_SAME_COSTTYPES"

LOGIN_NAME: Final = "loginName"
API_USER: Final = "apiUser"
INVOICING: Final = "invoicingAccess"
INVOICING_COMPANIES: Final = "invoicingCompanies"
"""What a user's rights are called (R214, R217): inference; a user that does not say is not judged."""
