"""From what a channel said to what is written down. Pure."""

from __future__ import annotations

from datetime import timedelta

from services.deliver.parcel import HandedOver, Job, NotBegun, Offered, Outcome, Parked, Refused, Unknown
from services.deliver.plan import GAVE_UP, GAVE_UP_UNSURE, Policy, may_have_arrived
from services.deliver.store import Result

_PAUSE = timedelta(seconds=1)
IN_FOLDERS = ("folder", "sftp")
"""Channels that put a pair of files somewhere; it has arrived when both were taken."""


def of(job: Job, outcome: Outcome, policy: Policy) -> Result:
    """The result of ``job``'s attempt, and with it what happens to the delivery next."""
    if isinstance(outcome, HandedOver):
        return Result(
            job,
            "handed_over",
            "handed_over",
            None,
            line(outcome.receipt),
            repeated=outcome.repeated,
            file_name=job.base_name if job.channel in IN_FOLDERS else None,
        )
    if isinstance(outcome, Refused):
        said = line(outcome.detail or outcome.reason.en)
        if _by_mail(job, unsure=job.unresolved):
            return _switching(job, "refused", outcome.code, said, policy)
        told = may_have_arrived(outcome) if job.unresolved else outcome
        return Result(
            job, "undeliverable", "refused", outcome.code, said, unresolved=job.unresolved, refused=told
        )
    if isinstance(outcome, Parked):
        # What became of an earlier attempt, when nobody knows, is still not known.
        return Result(
            job,
            "parked",
            "refused",
            outcome.code,
            line(outcome.detail or outcome.reason.en),
            unresolved=job.unresolved,
            wait=policy.patience,
            refused=outcome,
        )
    if isinstance(outcome, Offered):
        return Result(
            job, "queued", "offered", None, "it lies ready", unresolved=job.unresolved, wait=outcome.until
        )
    if isinstance(outcome, NotBegun):
        if (outcome.trouble or outcome.fault) and job.age >= policy.give_up:
            return _given_up(job, "not_begun", None, outcome.detail, unsure=job.unresolved)
        wait = outcome.wait or _PAUSE
        return Result(
            job, "queued", "not_begun", None, line(outcome.detail), unresolved=job.unresolved, wait=wait
        )
    asked = timedelta()
    if isinstance(outcome, Unknown):
        unsure, word, code = True, "unknown", "no-answer"
    else:
        asked = outcome.wait or asked
        unsure, word, code = job.unresolved and not outcome.resolved, "failed", outcome.code
    own = policy.wait(job.failures + 1, job.age)
    if own is None and _by_mail(job, unsure=unsure):
        return _switching(job, word, code, line(outcome.detail), policy)
    if own is None:
        return _given_up(job, word, code, outcome.detail, unsure=unsure)
    wait = max(own, asked)
    return Result(job, "queued", word, code, line(outcome.detail), failed=True, unresolved=unsure, wait=wait)


def _by_mail(job: Job, *, unsure: bool) -> bool:
    """Whether what its package does not take goes by e-mail: never while it may be there already."""
    return job.parcel.fallback and job.channel != "smtp" and not unsure


def _switching(job: Job, word: str, code: str, said: str, policy: Policy) -> Result:
    """It waits, and not for its package: ``fallback`` takes it from here."""
    return Result(job, "queued", word, code, said, failed=True, wait=policy.longest, switching=True)


def _given_up(job: Job, word: str, code: str | None, detail: str, *, unsure: bool) -> Result:
    gave_up = Refused("gave-up-unsure", GAVE_UP_UNSURE) if unsure else Refused("gave-up", GAVE_UP)
    return Result(
        job,
        "undeliverable",
        word,
        code,
        line(detail),
        failed=word != "not_begun",
        unresolved=unsure,
        refused=gave_up,
    )


def line(text: str, most: int = 300) -> str:
    """Text of strangers on one line, without anything a database, a log or a mail header chokes on."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:most]
