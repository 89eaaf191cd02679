"""Our verdicts beside those of the official rule packs, document by document: ``make conformance``.

``POSTBODE_CORPUS`` names a folder with ``manifest.jsonl`` and the documents it names. A row has ``file``, ``pack``
(ours is the one its name begins with), ``verdict`` (``valid``, ``valid_with_warnings``, ``invalid``, ``engine-error``),
``fatal`` and ``warning`` (ids) and ``xsd_valid``. On schema-valid documents verdict and ids must be the same; where the
official engine gave up, or the schema is broken and the official verdict is not *valid*, ours must be invalid, with a
named finding.

Every disagreement is listed. Ends with 1 when there are more than allowed: none in verdicts and fatal ids, one in a
thousand in warnings.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from libs.einvoice import schema
from libs.errors import Refusal
from libs.rules import engine

ENOUGH = 0.999
"""Part of the documents on which the ids of warnings must be the same."""

NAMELESS = "NOID:"
"""How a manifest begins the id of a rule that has none: some three hundred and sixty warnings of SI-UBL 1.1 and 1.2,
which are not told here and not compared."""

ACCEPTED = {
    "POSTBODE-NUMBER": "a number of more digits than any invoice has is refused here (docs/validation.md)"
}
"""Rules of our own that make a verdict differ, and why that is right."""


@dataclass
class Score:
    """How one official pack and ours agree. ``valid`` counts schema-valid documents, ``others`` the rest."""

    valid: int = 0
    verdicts: int = 0
    fatals: int = 0
    warnings: int = 0
    others: int = 0
    others_right: int = 0
    accepted: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        return (
            self.verdicts == self.fatals == self.valid
            and self.others_right == self.others
            and self.warnings >= self.valid * ENOUGH
        )


def pack_of(name: str) -> str | None:
    """Ours for the pack of a row; None where there is none here."""
    fitting = [pack for pack in engine.PACKS if name == pack or name.startswith(f"{pack}-")]
    return max(fitting, key=len, default=None) or next((p for p in engine.PACKS if name.startswith(p)), None)


def ours(data: bytes, pack: str) -> tuple[bool, set[str], set[str]]:
    """Whether the schema holds, and the ids of fatal findings and of warnings; a refusal is one by its code."""
    try:
        findings = engine.validate(data, pack).findings
    except Refusal as refusal:
        return False, {refusal.code}, set()
    ids = {
        severity: {f.rule for f in findings if f.severity == severity} for severity in ("fatal", "warning")
    }
    return schema.RULE not in ids["fatal"], ids["fatal"], ids["warning"]


def compare(row: dict[str, Any], pack: str, data: bytes, score: Score) -> Iterator[str]:
    """What is different about one document, counted in ``score``."""
    holds, fatal, warning = ours(data, pack)
    official = row["verdict"]
    if row.get("xsd_valid", holds) is not holds:
        yield f"schema-valid: {holds}"
    if official == "engine-error" or not row.get("xsd_valid", holds):
        wanted = official in ("invalid", "engine-error")
        score.others += 1
        score.others_right += not wanted or bool(fatal)
        if wanted and not fatal:
            yield f"not invalid, and the official verdict is {official}"
        return
    if fatal & ACCEPTED.keys():
        score.accepted += 1
        yield f"accepted: {', '.join(ACCEPTED[rule] for rule in sorted(fatal & ACCEPTED.keys()))}"
        return
    score.valid += 1
    if bool(fatal) is (official == "invalid"):
        score.verdicts += 1
    else:
        yield f"verdict: ours {'invalid' if fatal else 'valid'}, theirs {official}"
    for kind, found in (("fatal", fatal), ("warning", warning)):
        theirs = {each for each in row[kind] if not each.startswith(NAMELESS)}
        if found == theirs:
            if kind == "fatal":
                score.fatals += 1
            else:
                score.warnings += 1
            continue
        score.missing.update(theirs - found)
        score.extra.update(found - theirs)
        yield f"{kind}: missing {sorted(theirs - found)}, extra {sorted(found - theirs)}"


def run(folder: Path, out: TextIO) -> dict[str, Score]:
    """Compare every row of a corpus that has a pack here, and tell of each disagreement."""
    scores: dict[str, Score] = defaultdict(Score)
    left_out: Counter[str] = Counter()
    with (folder / "manifest.jsonl").open(encoding="utf-8") as manifest:
        for line in manifest:
            row = json.loads(line)
            pack = pack_of(row["pack"])
            if pack is None:
                left_out[row["pack"]] += 1
                continue
            data = (folder / row["file"]).read_bytes()
            out.writelines(
                f"{row['file']} {row['pack']}: {difference}\n"
                for difference in compare(row, pack, data, scores[row["pack"]])
            )
    out.writelines(f"{name}: {times} rows, no pack here\n" for name, times in sorted(left_out.items()))
    return scores


def tell(scores: dict[str, Score], out: TextIO) -> bool:
    """The figures, one pack a line; whether all hold."""
    out.write(
        f"{'pack':18} {'schema-valid':>12} {'verdict':>9} {'fatal ids':>9} {'warnings':>9} {'others':>13}\n"
    )
    for name, score in sorted(scores.items()):
        shares = (
            f"{100 * n / score.valid if score.valid else 100:8.2f}%"
            for n in (score.verdicts, score.fatals, score.warnings)
        )

        others = f"{score.others_right} of {score.others}"
        mark = "" if score.holds else "   NOT ENOUGH"
        out.write(f"{name:18} {score.valid:12} {' '.join(shares):29} {others:>13}{mark}\n")
        for word, counted in (("missing", score.missing), ("extra", score.extra)):
            if counted:
                out.write(f"    {word}: {', '.join(f'{rule} {n}' for rule, n in counted.most_common(20))}\n")
    return all(score.holds for score in scores.values())


def main() -> None:
    folder = os.environ.get("POSTBODE_CORPUS", "")
    if not folder:
        sys.exit("POSTBODE_CORPUS must name a folder with manifest.jsonl and the documents it names.")
    scores = run(Path(folder), sys.stdout)
    if not scores:
        sys.exit("The manifest names no pack that is here.")
    sys.exit(0 if tell(scores, sys.stdout) else 1)


if __name__ == "__main__":
    main()
