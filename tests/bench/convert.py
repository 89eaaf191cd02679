"""How long it takes to read an invoice and write it in another format.

Best of several runs in one thread, warm, from the bytes to the bytes: gate, parse, read, write; in processor time, so
that a busy neighbour does not count. Beside it what lxml takes to parse the same bytes and nothing else. Run it from
the project's folder::

    make bench-convert

The last line is JSON: milliseconds a conversion; ``pdf_ms`` of a page of two sheets; ``memory``: the most Python held
while converting, in sizes of the document (what libxml2 holds is not counted).
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable

from libs.einvoice import convert, documents, gate, xml
from libs.einvoice.formats import pdf, ubl
from libs.testing import builders

LINES = (1, 10, 100, 1000)
FORMATS = ("nlcius", "siubl-1.2", "ubl-2.0", "cii", "eexact", "json", "csv")


def best(work: Callable[[], object], seconds: float, clock: Callable[[], float] = time.thread_time) -> float:
    """The shortest of the runs that fit into ``seconds``, in milliseconds; three at least."""
    shortest, until, runs = float("inf"), time.perf_counter() + seconds, 0
    while runs < 3 or time.perf_counter() < until:
        begin = clock()
        work()
        shortest = min(shortest, clock() - begin)
        runs += 1
    return shortest * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=1.0, help="measured for each figure")
    seconds = parser.parse_args().seconds
    results = []
    memory: dict[int, float] = {}
    for lines in LINES:
        data = builders.invoice(lines=lines, order="PO-1")
        parse = best(lambda data=data: xml.parse(gate.bounded(data)), seconds)  # type: ignore[misc]

        def direct(data: bytes = data) -> None:
            ubl.write(ubl.read(xml.parse(gate.bounded(data))).invoice)

        took = {"ubl": best(direct, seconds)}
        for name in FORMATS:
            took[name] = best(lambda data=data, name=name: convert.convert(data, name), seconds)  # type: ignore[misc]
        for name, ms in took.items():
            results.append(
                {
                    "lines": lines,
                    "to": name,
                    "ms": round(ms, 3),
                    "lxml_parse_ms": round(parse, 3),
                    "ratio": round(ms / parse, 1),
                }
            )
            print(f"{lines:5} lines  {name:10} {ms:9.2f} ms   {ms / parse:6.1f} x parsing", flush=True)
        tracemalloc.start()
        convert.convert(data, "nlcius")
        memory[lines] = round(tracemalloc.get_traced_memory()[1] / len(data), 1)
        tracemalloc.stop()
    (two_sheets,) = documents.read(builders.invoice(lines=12))
    # typst works in threads of its own.
    page = best(lambda: pdf.write(two_sheets.read.invoice), seconds, time.perf_counter)
    print(f"a page of two sheets {page:.1f} ms; memory {memory} x the document")
    print(json.dumps({"results": results, "pdf_ms": round(page, 1), "memory": memory}))


if __name__ == "__main__":
    main()
