"""What is paid of invoices: by hand, from bank statements, and from the books of Exact Online.

::

    statement ── read (camt, sheet) ──▶ Line ─┐
    invoices of the account ── bills ──▶ Bill ─┴─ matching ──▶ Matched | Left ──▶ movements ──▶ invoice.paid · .reversed

Who pays (``receiver``) and who is paid (``sender``) each have a word of their own; every movement is kept, and each is one
fact on the axis *payment*, numbered per invoice in the transaction that keeps it.
"""
