"""What goes when an invoice was kept as long as it must be (``libs.messaging.erasing``): its deliveries and its sale, and
what hangs on them. The receiver's own copy is the receiver's."""

from __future__ import annotations

ERASE = (
    """
DELETE FROM payment_term WHERE booking IN (SELECT delivery_id FROM exact_booking WHERE invoice_id = ANY ($1::uuid[]))
""",
    """
WITH gone AS (
    DELETE FROM delivery WHERE invoice_id = ANY ($1::uuid[]) RETURNING delivery_id
), parcels AS (
    DELETE FROM parcel p USING gone WHERE p.delivery_id = gone.delivery_id
), answers AS (
    DELETE FROM answer a USING gone WHERE a.delivery_id = gone.delivery_id
), bookings AS (
    DELETE FROM exact_booking b USING gone WHERE b.delivery_id = gone.delivery_id
)
DELETE FROM attempt a USING gone WHERE a.delivery_id = gone.delivery_id
""",
    "DELETE FROM response WHERE invoice_id = ANY ($1::uuid[])",
    "DELETE FROM payment WHERE invoice_id = ANY ($1::uuid[])",
    """
WITH gone AS (
    DELETE FROM exact_sale WHERE invoice_id = ANY ($1::uuid[]) RETURNING sale_id
), bookings AS (
    DELETE FROM exact_booking b USING gone WHERE b.delivery_id = gone.sale_id
)
DELETE FROM exact_sale_attempt a USING gone WHERE a.sale_id = gone.sale_id
""",
)
