"""For every guarantee the fault that it is there for. With the guarantee the attack leaves no mark; with the
guarantee broken, and nothing else changed, the suite must go red in the way written here."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.crash.faults import Strike
from tests.crash.judge import ROUNDS, Verdict
from tests.crash.people import BOOKKEEPER, RECEIVERS, Receiver, invoices, twin_of
from tests.crash.scene import SERVICES, Scene, until
from tests.crash.story import story
from tests.crash.tricks import POISON, TRICKS, UNLUCKY

FOLDERS = tuple(each for each in RECEIVERS if each.by == "folder")
AFAR = tuple(each for each in RECEIVERS if each.by == "sftp")
PUSHED = tuple(each for each in RECEIVERS if each.by == "https")
FETCHING = tuple(each for each in RECEIVERS if each.by == "pull")
MAILS = tuple(each for each in RECEIVERS if each.by == "smtp")


@dataclass(frozen=True, slots=True)
class Attack:
    promise: str
    broken: str
    """What the break does, in words for the table."""
    red: str
    """What must be said against the hub when it is broken; a regular expression."""
    service: str
    """Who is broken and struck."""
    strikes: tuple[Strike, ...] = ()
    """Of its first life; later ones are spared."""
    trick: str = ""
    to: Sequence[Receiver] = field(default=RECEIVERS)
    mailed: float = 0.0
    unlawful: float = 0.0
    waves: int = 1
    """So many batches, each sent when the one before has come."""
    twins: bool = False
    """Each is sent once more when it has come, in other bytes."""
    patience: float = 30.0
    rounds: int = 0
    """Second rounds of what reached the delivery limit: they would make good what other breaks spoil."""
    after: str = ""
    """A broken hub is not judged before this query finds something."""


ATTACKS: Mapping[str, Attack] = {
    "ack-before-commit": Attack(
        "what is acknowledged to the broker is committed",
        "a consumer acknowledges what it got before it handles it",
        "lost: ",
        "route",
        (Strike("consumer.commit.before", 1, "route.validated"),),
    ),
    "no-inbox": Attack(
        "an event that comes again is known",
        "the inbox remembers nothing",
        r"told twice: invoice\.(validated|rejected)",
        "validate",
        (Strike("consumer.commit.after", 1, "validate.received"),),
    ),
    "no-outbox": Attack(
        "events leave through a row that is committed with the state",
        "events are published from inside the transaction",
        "a ghost in track",
        "ingest",
        (Strike("door.commit.before"),),
        patience=6.0,
    ),
    "publish-after-commit": Attack(
        "events leave through a row that is committed with the state",
        "events are published right after the commit",
        "lost: ",
        "validate",
        (Strike("consumer.commit.after", 1, "validate.received"),),
    ),
    "rows-moved-first": Attack(
        "a row leaves the outbox after the broker's confirm",
        "the relay moves rows, then publishes",
        "lost: ",
        "ingest",
        (Strike("relay.publish.before", 2, "ingest"),),
        waves=2,
    ),
    "lease-ignored": Attack(
        "whoever lost its lease does not act",
        "the lease counts as held for ever",
        "a mail came again, not cut off",
        "deliver",
        (Strike("dispatch.claim.after", 1, "smtp", "stop"),),
        to=MAILS,
    ),
    "result-before-act": Attack(
        "the result is written after the act",
        "handed over is committed, then the channel acts",
        "lost: ",
        "deliver",
        (Strike("dispatch.act.before"),),
    ),
    "redelivered-in-batch": Attack(
        "a pack that comes again is taken apart before anything is tried",
        "it is handled as it came",
        "lost: F",
        "route",
        trick="poison",
    ),
    "status-by-arrival": Attack(
        "the status follows from the facts' numbers, in whatever order they come",
        "the fact that comes last wins",
        "status of ",
        "track",
        trick="backwards",
        to=FOLDERS,
    ),
    "reply-before-commit": Attack(
        "202 and 250 are said after the commit",
        "the door answers while it stores",
        "lost: ",
        "ingest",
        (Strike("door.commit.before"),),
        mailed=0.3,
    ),
    "unknown-not-resolved": Attack(
        "what became of an attempt that was cut short is found out first",
        "the folder channel does not look at what it staged",
        "duplicated: ",
        "deliver",
        (Strike("folder.shown.after", 3),),
        to=FOLDERS,
    ),
    "repeat-not-told": Attack(
        "a mail that had to be sent again is in the timeline as such",
        "the second mail counts as the first",
        "the timeline tells of",
        "deliver",
        (Strike("mail.dot.after", 2),),
        to=MAILS,
    ),
    "new-message-id": Attack(
        "a mail that had to be sent again is the same mail to its receiver",
        "every attempt has a Message-ID of its own",
        "duplicated: ",
        "deliver",
        (Strike("mail.dot.after", 2),),
        to=MAILS,
    ),
    "new-webhook-id": Attack(
        "an invoice that had to be pushed again is the same to its receiver",
        "every attempt has a webhook-id of its own",
        "duplicated: ",
        "deliver",
        (Strike("push.sent.after", 2),),
        to=PUSHED,
    ),
    "afar-not-looked": Attack(
        "what became of an attempt that was cut short at a receiver's own server is found out first",
        "the SFTP channel does not look at what it staged there",
        "duplicated: ",
        "deliver",
        (Strike("sftp.shown.after", 3),),
        to=AFAR,
    ),
    "books-not-looked": Attack(
        "an invoice stands in its receiver's books once, wherever its booking was cut short",
        "nobody looks whether the entry that may have been made is there",
        r"duplicated: F\d+ came as",
        "deliver",
        (Strike("exact.call.after", 2, "POST purchaseentry/PurchaseEntries"),),
        to=(BOOKKEEPER,),
    ),
    "read-is-taken": Attack(
        "a receiver that fetches has what it acknowledged, and not what was read to it",
        "reading takes an invoice off its list",
        "lost: ",
        "deliver",
        (Strike("pull.read.after", 2),),
        to=FETCHING,
    ),
    "acknowledged-early": Attack(
        "that an invoice is acknowledged is committed before it is answered",
        "it is answered, then committed",
        "duplicated: ",
        "deliver",
        (Strike("pull.reply.after"),),
        to=FETCHING,
    ),
    "twice-is-two": Attack(
        "the same bytes from the same sender are one invoice",
        "the door does not recognise them",
        # Whoever routes it knows its number; the sender is shown two invoices all the same.
        r"status of .*'duplicate'",
        "ingest",
        (Strike("door.commit.after"),),
        mailed=0.3,
    ),
    "number-not-known": Attack(
        "one number is one invoice, in whatever bytes it comes",
        "whoever routes sees each as the first of its number",
        r"duplicated: F\d+ came as",
        "route",
        twins=True,
    ),
    "retry-marked-done": Attack(
        "an event that will be tried again is not done",
        "its inbox row is written when it fails",
        "lost: ",
        "route",
        trick="stumble",
    ),
    "fence-ignored": Attack(
        "a result counts only while the delivery is its writer's",
        "whoever comes with a result is believed",
        "a mail came again, not cut off",
        "deliver",
        (Strike("dispatch.claim.after", 1, "smtp", "stop"),),
        to=MAILS,
    ),
    "started-with-the-result": Attack(
        "that an attempt starts is committed before it acts",
        "it is committed together with the result",
        "the timeline tells of",
        "deliver",
        (Strike("mail.dot.after", 2),),
        to=MAILS,
    ),
    "breaker-ignored": Attack(
        "a receiver that is down is asked by one attempt now and then, whoever of the workers makes it",
        "claiming does not look at the breaker",
        "attempts at once at a receiver that is down",
        "deliver",
        trick="down",
        to=MAILS[:1],
    ),
    "dead-letter-dropped": Attack(
        "what no retry helped is kept as a dead letter",
        "what the broker gives up on is thrown away",
        "lost: POISON",
        "route",
        trick="poison",
    ),
    "no-second-round": Attack(
        "what was in hand at too many deaths goes again by itself, alone",
        "it waits for a person at once",
        "dead letter of route.validated: delivery-limit",
        "route",
        trick="unlucky",
        rounds=1,
    ),
    "rounds-not-counted": Attack(
        "what kills again in its second round is left to a person",
        "each time it reaches the delivery limit looks like the first time",
        r"\d+ second rounds of POISON",
        "route",
        trick="poison",
        rounds=1,
        after=f"SELECT count(*) FROM ({ROUNDS}) r WHERE rounds > 1",
    ),
    "settled-too-soon": Attack(
        "without a broker, a row leaves the outbox when every queue is done with it",
        "it leaves when it was put into the queues",
        "lost: ",
        "solo",
        (Strike("consumer.commit.before", 1, "route.validated"),),
    ),
    "wrong-receiver": Attack(
        "an invoice comes to whom it is meant for, and to nobody else",
        "each is planned by the way of the one before it",
        "wrong receiver: ",
        "deliver",
    ),
    "page-of-a-neighbour": Attack(
        "an invoice comes with its own page",
        "each PDF goes out with the next invoice that has one",
        "wrong page: ",
        "deliver",
    ),
    "notice-sent-before-mailed": Attack(
        "a notice is written as sent after it is mailed",
        "it is committed as sent, then mailed",
        "no notice: ",
        "track",
        (Strike("notice.act.before"),),
        unlawful=1.0,
    ),
    "notice-lease-ignored": Attack(
        "who stood still for longer than its lease mails no notice",
        "the lease is not looked at before the text",
        "a notice came again, not cut off",
        "track",
        (Strike("notice.claim.after", do="stop"),),
        unlawful=1.0,
    ),
    "notice-id-anew": Attack(
        "a notice that had to be sent again is the same mail to its sender",
        "every attempt has a Message-ID of its own",
        r"told twice: F\S+ is rejected",
        "track",
        (Strike("notice.dot.after"),),
        unlawful=1.0,
    ),
}


_ODD: Mapping[str, str] = {"poison": POISON, "unlucky": UNLUCKY}
_LATE: Mapping[str, str] = {"backwards": "track", "poison": "validate", "unlucky": "validate"}
"""Who starts only when all it can get is waiting for it: to hear it newest first; to tell it on in one pack, so that
the poison has neighbours."""


class Missed(AssertionError):
    """The fault, or the code that was broken, never happened: nothing can be said about the guarantee."""


async def attack(on: Scene, name: str, *, broken: bool) -> Verdict:
    """Carry one out, with the guarantee broken or whole. Raises ``Missed``."""
    plan = ATTACKS[name]
    lives: dict[str, int] = {}

    def strikes(process: str) -> Sequence[Strike]:
        lives[process] = lives.get(process, 0) + 1
        return plan.strikes if process == plan.service and lives[process] == 1 else ()

    on.hub.plan = strikes
    late = _LATE.get(plan.trick, "")
    for service in SERVICES if plan.service != "solo" else ("solo",):
        if service != late:
            await _start(on, service, name, plan, broken=broken)
    if plan.trick == "down":
        on.receivers.down = {each.email for each in plan.to}
    for wave in range(plan.waves):
        await until(lambda: len(on.receivers.numbers) == len(on.sent) or bool(on.hub.strikes()))
        batch = invoices(12, on.random, f"F{wave}", to=plan.to, mailed=plan.mailed, unlawful=plan.unlawful)
        if odd := _ODD.get(plan.trick):
            batch += invoices(1, on.random, odd, mailed=0, unlawful=0)
        await on.send(batch, at_once=12, patience=20)
    if plan.twins:
        await until(lambda: len(on.receivers.numbers) == len(on.sent))
        await on.send([twin_of(each) for each in on.sent], at_once=12, patience=20)
    if late:
        await _waiting_for(on, late)
        await _start(on, late, name, plan, broken=broken)
    if any(strike.do == "stop" for strike in plan.strikes):
        await _overtaken(on, plan.service)
    with contextlib.suppress(TimeoutError):
        if plan.strikes:
            await until(lambda: bool(on.hub.strikes()))
        await on.hub.up()
    if broken and plan.after:
        await until(lambda: _found(on, plan.after), seconds=120)
    at_once = await _asked_at_once(on) if plan.trick == "down" else 1
    # What the break left lying does not move any more; the unbroken hub gets all the time it wants.
    verdict = await (on.verdict(patience=plan.patience, still=6.0) if broken else on.verdict())
    if broken and plan.red.startswith("lost") and (slow := [*verdict.under_way, *await on.in_the_broker()]):
        # Who is slow has lost nothing yet.
        raise Missed(f"{name}: still under way: {slow}")
    if at_once > 1:
        verdict.other.append(f"{at_once} attempts at once at a receiver that is down")
    if plan.strikes and not on.hub.strikes():
        raise Missed(f"{name}: the fault never happened\n{on.hub.log(plan.service)}")
    if broken and name not in on.hub.bitten():
        raise Missed(f"{name}: the broken code never ran")
    if not broken and verdict.faults:
        raise AssertionError(await story(on, verdict))
    return verdict


def showed(name: str, verdict: Verdict) -> str:
    """What the suite said against the broken hub, in the way that was expected; empty: it stayed green."""
    return next((fault for fault in verdict.faults if re.match(r".*" + ATTACKS[name].red, fault)), "")


async def _start(on: Scene, service: str, name: str, plan: Attack, *, broken: bool) -> None:
    own = service == plan.service
    await on.hub.start(
        service,
        service,
        "serve",
        breaks=[name] if own and broken else (),
        tricks=[plan.trick] if own and plan.trick in TRICKS else (),
        # A probe of a busy machine must not outlive its lease: another one might go then.
        settings={
            "POSTBODE_DEAD_ROUNDS": str(plan.rounds),
            **({"POSTBODE_DELIVER_LEASE_SECONDS": "60"} if plan.trick == "down" else {}),
        },
    )
    if own and plan.trick == "down":
        await _start_second(on, name, broken=broken)


async def _found(on: Scene, query: str) -> bool:
    return bool(await on.ask(query))


async def _start_second(on: Scene, name: str, *, broken: bool) -> None:
    """Another worker beside it, broken in the same way."""
    await on.hub.start(
        "second",
        "deliver",
        "worker",
        breaks=[name] if broken else (),
        settings={"POSTBODE_DELIVER_LEASE_SECONDS": "60"},
    )


async def _asked_at_once(on: Scene) -> int:
    """How many attempts at a time its receiver sees once the breaker is open; then the receiver is there again."""

    async def quiet() -> bool:
        entered, attempted, open_ = [await on.ask(query) for query in _BREAKER]
        return bool(entered == len(on.sent) and not attempted and open_)

    await until(quiet)
    on.receivers.most_at_once = 0
    so_far = on.receivers.deferred
    await until(lambda: on.receivers.deferred >= so_far + 6)
    most = on.receivers.most_at_once
    on.receivers.down = set()
    return most


_CLAIMED: Mapping[str, str] = {
    "deliver": "SELECT count(*) FROM deliver.delivery WHERE state IN ('queued', 'attempting')",
    "track": "SELECT count(*) FROM track.notice WHERE state = 'due'",
}
_BREAKER = (
    "SELECT count(*) FROM deliver.delivery",
    "SELECT count(*) FROM deliver.delivery WHERE state = 'attempting'",
    "SELECT count(*) FROM deliver.breaker WHERE open_until IS NOT NULL",
)


async def _waiting_for(on: Scene, late: str) -> None:
    """Until everything that ``late`` will hear is with the broker."""
    if late != "validate":
        await until(lambda: len(on.receivers.numbers) == len(on.sent))
    others = "".join(f" + (SELECT count(*) FROM {each}.outbox)" for each in SERVICES if each != late)

    async def said() -> bool:
        return not await on.ask(f"SELECT 0{others}")

    await until(said)


async def _overtaken(on: Scene, service: str) -> None:
    """One process stands still with its work claimed; another does it; then the first goes on."""
    await until(lambda: bool(on.hub.strikes()))
    await on.hub.start("second", service, "worker")

    async def taken_over() -> bool:
        # What the first one holds unacknowledged is not among them: it goes on with that itself.
        return not await on.ask(_CLAIMED[service])

    await until(taken_over)
    on.hub.go_on(service)
    await asyncio.sleep(1)


def table() -> str:
    """For ``docs/reliability.md``."""
    rows = [
        f"| {plan.promise} | `{name}`: {plan.broken} | `{plan.red.strip().replace('|', chr(92) + '|')}` |"
        for name, plan in ATTACKS.items()
    ]
    return "\n".join(["| guarantee | broken by | what turns red |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    print(table())
