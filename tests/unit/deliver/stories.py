"""What a sender reads of an invoice that ended so or so, as a story: each outcome by the code that judges it, told by the
code that shows it.

``python -m tests.unit.deliver.stories`` writes the files anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceAnswered
from libs.contracts.parts import Words
from libs.testing import builders
from services.deliver import SOURCE, facts, results
from services.deliver.arriving import globe
from services.deliver.attempts import conversion
from services.deliver.attempts.fallback import WHY
from services.deliver.channels import pull, sftp
from services.deliver.email import bounce_words, bounces, replies
from services.deliver.email.returned import follows
from services.deliver.exact import outcomes, reports, tokens
from services.deliver.exact.trouble import Denied, Lapsed, Trouble
from services.deliver.parcel import (
    Failed,
    HandedOver,
    Job,
    Move,
    Offered,
    Outcome,
    Parked,
    Refused,
    Unknown,
    Waiting,
)
from services.deliver.plan import NO_WAY, Policy
from services.deliver.receivers import http_replies
from services.deliver.receivers.answers import Why, Word, coded
from services.deliver.receivers.waiting import WORDS
from services.deliver.store import Planned
from services.deliver.waits import belgium, parked, recalls
from services.track import facts as told
from services.track import status, views
from services.track.labels import LABELS
from tests.unit.deliver.sample import job, loaded
from tests.unit.deliver.test_conversion import GLOBE
from tests.unit.track.sample import Journey

FOLDER = Path(__file__).parent / "stories"
SHAPES = Path(__file__).parent / "bounces"
POLICY = Policy(timedelta(seconds=10), timedelta(hours=6), most=3, give_up=timedelta(hours=72))


class Story:
    """One delivery of one invoice, from the decision who gets it."""

    def __init__(self, channel: Any = "smtp") -> None:
        journey = Journey(UUID(int=42))
        self.events = [journey.received(), journey.validated(), journey.routed()]
        self._sequence = 0
        self._job = job(channel)
        self._job = replace(
            self._job,
            invoice_id=journey.invoice_id,
            parcel=self._job.parcel.model_copy(update={"receiver": journey.receiver}),
        )

    def attempt(self, outcome: Outcome) -> Story:
        """It ends so; what follows of it is remembered for the next."""
        result = results.of(self._job, outcome, POLICY)
        self._sequence += result.state != "queued"
        self._add(facts.ended(self._job, result, self._sequence, outcome))
        self._job = replace(
            self._job,
            number=self._job.number + 1,
            failures=self._job.failures + result.failed,
            unresolved=result.unresolved,
        )
        return self

    def answer(self, name: str) -> Story:
        """A mail comes back."""
        answer = bounces.read((SHAPES / f"{name}.eml").read_bytes())
        if answer.kind == "delivered":
            self._add(facts.confirmed(self._row(), answer.said))
        back = follows(answer, self._job.failures, timedelta(), POLICY, unresolved=False)
        if back is not None:
            self._add(facts.bounced(self._row(), bounce_words.why(answer).code, back.reason))
            if back.refused is not None:
                self._add(facts.undeliverable(self._row(), back.refused))
        return self

    def by_mail(self) -> Story:
        self._add(facts.switched(self._row(), self._sequence, WHY))  # type: ignore[arg-type]
        self._job = replace(self._job, channel="smtp", lane="dejong.example", failures=0)
        return self

    def acknowledged(self) -> Story:
        """Its receiver fetched it."""
        self._sequence += 1
        for event in facts.acknowledged(self._row(), self._job.parcel.agreed, WORDS):
            self._add(event)
        return self

    def globe_says(self, words: str, *, before: str = "handed_over") -> Story:
        """A file with this text stands beside the pair, or stood in its place."""
        said = globe.read(self._job.delivery_id, "F1.txt", words.encode())
        assert said is not None
        self._sequence += not said.processed
        for event in globe.events({**self._row(), "before": before, "processed": said.processed}, said):
            self._add(event)
        return self

    def booked(self, **said: Any) -> Story:
        """It stands in the receiver's books at Exact Online."""
        at = datetime(2026, 11, 2, 9, 14, tzinfo=UTC)
        entry = {
            "entry_number": "26600001",
            "division": 100,
            "booked_at": at,
            "read_at": at,
            "differences": [],
            "left_out": [],
        }
        for event in reports.events(self._row(), {**entry, **said}):
            self._add(event)
        return self

    def no_way(self, refused: Refused) -> Story:
        """Nothing can be planned."""
        of = self._job
        planned = Planned(
            of.delivery_id,
            of.invoice_id,
            of.account_id,
            1,
            of.channel,
            of.lane,
            of.parcel,
            refused,
            None,
            None,
            False,
        )
        self._add(facts.no_way(planned, 1, self.events[-1]))
        return self

    def stopped(self, why: Parked) -> Story:
        """Another invoice of the same sender to the same receiver was recalled."""
        self._add(facts.stopped(self._row(), why))  # type: ignore[arg-type]
        return self

    def goes_on(self, how: Words | Refused, *, returned: bool = False) -> Story:
        """What was parked waits no longer."""
        of = self._job
        waiting = Waiting(
            of.delivery_id, of.invoice_id, of.account_id, of.channel, of.lane, of.number - 1, of.unresolved, None, None,
            of.parcel,
        )  # fmt: skip
        self._sequence += 1
        move = Move(waiting, of.channel, of.lane, of.parcel, how, returned)
        self._add(facts.moved_on(move, self._sequence))
        return self

    def taken(self) -> Story:
        self._add(
            facts.confirmed(self._row(), f"the receiver took {self._job.base_name}.xml from its folder")
        )
        return self

    def answered(self, answer: Word, code: Why | None = None, said: str | None = None) -> Story:
        """What its receiver says of the invoice."""
        of = self._job
        data = InvoiceAnswered(
            invoice_id=of.invoice_id,
            account_id=of.account_id,
            sequence=sum(isinstance(event.data, InvoiceAnswered) for event in self.events) + 1,
            delivery_id=of.delivery_id,
            receiver_id=of.parcel.receiver.party_id,
            receiver_name=of.parcel.receiver.name,
            answer=answer,
            code=coded(answer, code),
            said=said,
        )
        self._add(new_event(data, source=SOURCE, account=of.account_id))
        return self

    def _row(self) -> Mapping[str, Any]:
        self._sequence += 1
        of: Job = self._job
        return {
            "invoice_id": of.invoice_id,
            "account_id": of.account_id,
            "sequence": self._sequence,
            "delivery_id": of.delivery_id,
            "channel": of.channel,
            "receiver_id": of.parcel.receiver.party_id,
            "receiver_name": of.parcel.receiver.name,
            "attempts": of.number - 1,
            "correlation": None,
            "traceparent": None,
        }

    def _add(self, event: Event | None) -> None:
        if event is not None:
            self.events.append(event)

    def text(self) -> str:
        """In Dutch, then in English."""
        read = [fact for event in self.events if (fact := told.read(event)) is not None]
        shown = status.show(status.apply_all(status.NOTHING, read))
        blocks = []
        for language in ("nl", "en"):
            lines = [f"{getattr(LABELS[shown.headline], language)}: {shown.because[language]}", ""]
            lines += [line for event in self.events for line in _moment(event, language)]
            blocks.append("\n".join(lines))
        text = "\n\n".join(blocks)
        return text.replace(self._job.delivery_id.hex, "…") + "\n"


def _moment(event: Event, language: str) -> Iterator[str]:
    moment = views.moment(event, event.time)
    words: Words = moment.words
    yield f"- {getattr(moment.label, language)}. {getattr(words, language)}"
    if moment.proof:
        yield f"  [{moment.proof}]"


OK = HandedOver("250 2.0.0 Kept as 4XyZ")
AGAIN = replace(OK, repeated=True)
PLACED = HandedOver("2026-11-02_F1.xml")
KEPT = HandedOver("202 kept", outward="HTTP 202")
HUNG_UP = Unknown("ConnectionResetError: the server hung up")
AWAY = Failed("folder-away", "the folder is not there")
ENTRY = HandedOver(
    "Exact Online: entry 26600001 in De Jong; read back: the same", outward="Exact Online: entry 26600001"
)
DOLLARS = builders.invoice(order="PO-1").replace(b"EUR", b"USD")
LIES_READY = Offered(timedelta(days=7))


def _not_made(data: bytes, name: str) -> Outcome:
    """What comes of it when it has to be made in this format."""
    of = job("folder", settings={"folder": "dejong", "format": name})
    made = conversion.fit(loaded(of, xml=data, pdf=None))
    assert isinstance(made, Parked)
    return made


def _exact(trouble: Trouble) -> Outcome:
    """What goes wrong at Exact Online."""
    return outcomes.outward(outcomes.of(trouble, clock.now(), writing=False, resolved=True))


def _said(status: int) -> Outcome:
    """What a receiver answers to a push."""
    return http_replies.meaning(status, {}, b"", clock.now(), again=False)


STORIES: Mapping[str, Callable[[], Story]] = {
    "no way to the receiver": lambda: Story().no_way(NO_WAY),
    "stopped by a recall, then released": lambda: (
        Story().stopped(recalls.STOPPED).goes_on(parked.BY_HAND).attempt(OK)
    ),
    "stopped by a recall, and perhaps arrived": lambda: Story().attempt(HUNG_UP).stopped(recalls.UNSURE),
    "mailed": lambda: Story().attempt(OK),
    "mailed, and its arrival reported": lambda: Story().attempt(OK).answer("postfix-delivered"),
    "mailed, reported, and came back late": lambda: (
        Story().attempt(OK).answer("postfix-delivered").answer("postfix-no-such-user")
    ),
    "mailed, greylisted first": lambda: (
        Story().attempt(replies.meaning("recipient", 451, "4.7.1 Greylisted")).attempt(OK)
    ),
    "mailed, dropped after the final dot": lambda: Story().attempt(HUNG_UP).attempt(AGAIN),
    "mailed, no such address": lambda: Story().attempt(
        replies.meaning("recipient", 550, "5.1.1 No such user")
    ),
    "mailed, too large": lambda: Story().attempt(replies.too_large(31_400_000, 20_000_000)),
    "mailed, never taken": lambda: _never(Story(), Failed("mail-relay", "TimeoutError")),
    "mailed, never answered": lambda: _never(Story(), Unknown("the server hung up")),
    "mailed, came back for good": lambda: Story().attempt(OK).answer("postfix-no-such-user"),
    "mailed, came back for now": lambda: Story().attempt(OK).answer("postfix-mailbox-full").attempt(OK),
    "mailed, somebody is away": lambda: Story().attempt(OK).answer("exchange-out-of-office"),
    "mailed, between Belgian businesses": lambda: Story().attempt(belgium.WAITS),
    "folder, taken": lambda: Story("folder").attempt(PLACED).taken(),
    "folder, imported": lambda: Story("folder").attempt(PLACED).globe_says("Processed"),
    "folder, cannot be processed": lambda: (
        Story("folder")
        .attempt(PLACED)
        .taken()
        .globe_says("Can't process: period 10 is closed", before="confirmed")
    ),
    "folder, not lawful in its format, then in another": lambda: (
        Story("folder").attempt(_not_made(GLOBE, "nlcius")).goes_on(parked.CHANGED).attempt(PLACED).taken()
    ),
    "folder, not to be made in its format, taken back": lambda: (
        Story("folder").attempt(_not_made(DOLLARS, "eexact")).goes_on(parked.TAKEN_BACK, returned=True)
    ),
    "folder, not to be made in its format for too long": lambda: (
        Story("folder").attempt(_not_made(DOLLARS, "eexact")).goes_on(parked.WAITED_TOO_LONG, returned=True)
    ),
    "folder, full for too long": lambda: _never(
        Story("folder"), Failed("folder-trouble", "cannot write: No space left on device", resolved=True)
    ),
    "folder, away, so by mail": lambda: Story("folder").attempt(AWAY).by_mail().attempt(OK),
    "folder, away, so by mail, refused there too": lambda: (
        Story("folder")
        .attempt(AWAY)
        .by_mail()
        .attempt(replies.meaning("recipient", 550, "5.1.1 No such user"))
    ),
    "sftp, taken": lambda: Story("sftp").attempt(PLACED).taken(),
    "sftp, cut off and found out": lambda: Story("sftp").attempt(HUNG_UP).attempt(PLACED).taken(),
    "sftp, another host key": lambda: Story("sftp").attempt(sftp.CHANGED),
    "sftp, away for too long": lambda: _never(Story("sftp"), AWAY),
    "sftp, away, so by mail": lambda: Story("sftp").attempt(AWAY).by_mail().attempt(OK),
    "pushed": lambda: Story("https").attempt(KEPT),
    "pushed, without an answer first": lambda: (
        Story("https").attempt(HUNG_UP).attempt(replace(KEPT, repeated=True))
    ),
    "pushed, to one that wants nothing more": lambda: Story("https").attempt(_said(410)),
    "pushed, too large": lambda: Story("https").attempt(_said(413)),
    "pushed, to an address that is not public": lambda: Story("https").attempt(http_replies.NOT_PUBLIC),
    "pushed, never taken": lambda: _never(Story("https"), _said(503)),
    "pushed, away, so by mail": lambda: Story("https").attempt(_said(503)).by_mail().attempt(OK),
    "booked": lambda: Story("exact_online").attempt(ENTRY).booked(),
    "booked, otherwise than sent": lambda: (
        Story("exact_online")
        .attempt(ENTRY)
        .booked(
            differences=[{"field": "DueDate", "line": None, "sent": "2026-12-02", "booked": "2026-11-16"}]
        )
    ),
    "booked, looked up after a broken line": lambda: (
        Story("exact_online").attempt(HUNG_UP).attempt(ENTRY).booked()
    ),
    "booked, not in a closed period": lambda: Story("exact_online").attempt(
        _exact(Denied(400, "purchaseentry/PurchaseEntries", "Period 2026/10 is closed."))
    ),
    "booked, not without the right": lambda: Story("exact_online").attempt(
        _exact(Denied(403, "purchaseentry/PurchaseEntries", "This user has no right to do that."))
    ),
    "booked, not with a link that has lapsed": lambda: Story("exact_online").attempt(
        _exact(Lapsed("exact-renewal-lost", tokens.CUT_SHORT))
    ),
    "fetched": lambda: Story("pull").attempt(LIES_READY).acknowledged(),
    "fetched, queried, then accepted": lambda: (
        Story("pull")
        .attempt(LIES_READY)
        .acknowledged()
        .answered("queried", "PRI", "Regel 3: wij spraken 12,50 per stuk af.")
        .answered("accepted")
    ),
    "fetched, rejected": lambda: (
        Story("pull").attempt(LIES_READY).acknowledged().answered("rejected", said="Dit is niet besteld.")
    ),
    "fetched, never acknowledged": lambda: Story("pull").attempt(LIES_READY).attempt(pull.NOT_ACKNOWLEDGED),
}


def _never(story: Story, outcome: Outcome) -> Story:
    for _ in range(POLICY.most):
        story.attempt(outcome)
    return story


def path(name: str) -> Path:
    return FOLDER / f"{name.replace(', ', '-').replace(' ', '-')}.txt"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, tell in STORIES.items():
        path(name).write_text(tell().text(), "utf-8")
