"""How fast invoices are taken in: ``make bench-ingest``.

ingest is a process of its own as shipped, relay included, on a private Postgres with ``fsync`` and a private RabbitMQ; the
load comes from the same processors, and what it costs is told.

*single*: one invoice a request, from ten suppliers over 64 connections: first as many as are taken, then 80 % of that at
random times, for the waiting. *batch*: ZIPs of 5,000 invoices by one supplier, packed (for the speed, from the first byte
sent to the last line read), and once not packed (for the memory: all of it is sent). *mailbox*: mails of an XML and its
PDF to ten key mailboxes over 16 connections. *fairness*: one account at its ordinary rate through the whole hub, alone and
beside another that offers a hundred times as much.
"""

from __future__ import annotations
