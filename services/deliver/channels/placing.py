"""Puts a batch of pairs into opened folders of one file system, so that each is placed once whatever dies in between.

::

    .postbode/<id>.pdf, <id>.xml ── sync ──▶ .postbode/<batch>.staged ── sync ──▶ PDF, then XML renamed into sight ── sync
    (hidden, being written)                  lists the ids                        (each in one atomic step)

What became of an attempt that was cut short is read off the hidden area:

* listed in no ``.staged``: nothing was shown. Begin again.
* listed, and the hidden XML is there: the XML was not shown. Go on from there.
* listed, and no hidden XML: it was shown. The receiver has it, or has taken it already.

Everything here runs in a thread, with the folders locked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from libs import clock
from services.deliver.channels import Done, disk
from services.deliver.channels.disk import Folder, FolderAway
from services.deliver.parcel import Failed, HandedOver, Job, Loaded, NotBegun, Outcome, Unknown

_STAGED = ".staged"


@dataclass(frozen=True, slots=True)
class Marker:
    """A list of what a batch staged in one folder. It may go when no id is left."""

    folder: Path
    name: str
    left: set[UUID]


def place(ready: Sequence[tuple[Folder, Sequence[Loaded]]], markers: list[Marker]) -> Done:
    """One outcome for each. ``markers`` gets what was written and must be kept until the results are."""
    outcomes: Done = []
    staged: list[tuple[Folder, list[Loaded]]] = []
    for folder, own in ready:
        try:
            listed = _listed(folder) if any(each.job.number > 1 for each in own) else frozenset()
        except OSError as error:
            outcomes += [(each.job, cannot(error)) for each in own]
            continue
        fresh: list[Loaded] = []
        for each in own:
            outcome = _stage(folder, each, each.job.delivery_id in listed)
            if outcome is None:
                fresh.append(each)
            else:
                outcomes.append((each.job, outcome))
        if fresh:
            staged.append((folder, fresh))
    folders = [folder for folder, _ in staged]
    try:
        disk.sync(folders)
        markers += [_mark(folder, own) for folder, own in staged]
        disk.sync(folders)
    except OSError as error:
        return [*outcomes, *((each.job, cannot(error, looked=True)) for _, own in staged for each in own)]
    shown = [(each.job, _show(folder, each)) for folder, own in staged for each in own]
    try:
        disk.sync(folders)
    except OSError as error:
        # In sight, but perhaps not for long: the next attempt reads off what held.
        return [*outcomes, *((job, Unknown(f"cannot sync: {error.strerror}")) for job, _ in shown)]
    return [*outcomes, *shown]


def cannot(error: OSError, *, looked: bool = False) -> Failed:
    """What an error of the disk means. The XML is shown last and in one step: this attempt did not show it. Whether an
    earlier one did is only known to who ``looked``."""
    if isinstance(error, FolderAway):
        return Failed("folder-away", str(error.strerror))
    return Failed("folder-trouble", f"cannot write: {error.strerror}", resolved=looked)


def leftovers(folder: Path, before: float) -> dict[str, set[UUID]]:
    """Files in a hidden area last written ``before`` (Unix time), with the deliveries they are about."""
    found: dict[str, set[UUID]] = {}
    with contextlib.suppress(OSError):
        for path in (folder / disk.HIDDEN).iterdir():
            ours = path.suffix in (_STAGED, ".xml", ".pdf")
            if ours and not path.is_symlink() and path.stat().st_mtime < before:
                ids = _ids(path.read_bytes()) if path.suffix == _STAGED else _ids(path.stem.encode())
                found[path.name] = ids
    return found


def _stage(folder: Folder, each: Loaded, listed: bool) -> Outcome | None:
    """None: it lies ready, hidden."""
    xml, pdf = _names(each.job)
    looked = False
    try:
        if listed and not folder.staged(xml):
            return _receipt(each.job.base_name)
        looked = True
        if not each.job.lease.held:
            return NotBegun("the lease ran out")
        # The receiver may have begun to take the pair of an attempt that was cut short between the two.
        if each.pdf is not None and not (listed and folder.shown(f"{each.job.base_name}.pdf")):
            folder.write(pdf, each.pdf)
        folder.write(xml, each.xml or b"")
    except OSError as error:
        return cannot(error, looked=looked)
    return None


def _mark(folder: Folder, own: Sequence[Loaded]) -> Marker:
    ids = {each.job.delivery_id for each in own}
    name = f"{clock.uuid7().hex}{_STAGED}"
    folder.write(name, b"".join(b"%s\n" % each.hex.encode() for each in ids))
    return Marker(folder.path, name, ids)


def _show(folder: Folder, each: Loaded) -> Outcome:
    xml, pdf = _names(each.job)
    base = each.job.base_name
    if not each.job.lease.held:
        return NotBegun("the lease ran out")
    try:
        if each.pdf is not None:
            # In sight already: shown by an attempt that was cut short before the XML.
            with contextlib.suppress(FileNotFoundError):
                folder.show(pdf, f"{base}.pdf")
        folder.show(xml, f"{base}.xml")
    except OSError as error:
        return cannot(error, looked=True)
    return _receipt(base)


def _listed(folder: Folder) -> frozenset[UUID]:
    names = [name for name in folder.hidden_names() if name.endswith(_STAGED)]
    return frozenset(each for name in names for each in _ids(folder.read(name)))


def _ids(lines: bytes) -> set[UUID]:
    """A list that was cut off in the middle lists what was not shown yet: the rest does not matter."""
    found: set[UUID] = set()
    for line in lines.split():
        with contextlib.suppress(ValueError):
            found.add(UUID(hex=line.decode("ascii", "replace")))
    return found


def _receipt(base: str) -> HandedOver:
    return HandedOver(f"{base}.xml")


def _names(job: Job) -> tuple[str, str]:
    """In the hidden area: the XML and the PDF."""
    return f"{job.delivery_id.hex}.xml", f"{job.delivery_id.hex}.pdf"
