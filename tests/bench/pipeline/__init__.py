"""How many invoices the hub carries: ``make bench-pipeline``.

::

    load ──HTTP──▶ ingest ─▶ validate ─▶ route ─▶ deliver ──folder, SMTP──▶ receiver
     ▲            (five processes, a private RabbitMQ and Postgres, on a real disk)   │
     └──────────────────────── board: what was sent, accepted, delivered ◀────────────┘

Load and receiver are processes of their own and cheap, so that they measure the hub and not themselves; what
they cost is told with the rest. The receiver counts by its own key (file name, Message-ID).
"""

from __future__ import annotations
