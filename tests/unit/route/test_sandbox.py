"""Receivers of the sandbox: found by the same rules, and nobody else."""

from __future__ import annotations

from uuid import UUID

from libs import clock
from libs.contracts.parts import Identifier, InvoiceSummary, ReceiverCandidate
from libs.contracts.sandbox import OF_RECEIVER, RECEIVERS, is_sandbox, marked, outcome_of, sandbox_of
from services.route.deciding import sandbox
from services.route.deciding.decision import Parked, Routed


def to(*numbers: str) -> InvoiceSummary:
    return InvoiceSummary(
        candidates=tuple(
            ReceiverCandidate(identifier=Identifier(scheme="0106", value=number), path="BT-46")
            for number in numbers
        )
    )


def test_an_id_says_whether_it_belongs_to_the_sandbox() -> None:
    live = clock.uuid7()
    own = sandbox_of(live)
    assert (is_sandbox(live), is_sandbox(own), own.version) == (False, True, 8)
    assert sandbox_of(own) == own
    assert (marked(live, live), marked(live, own)) == (live, own)
    assert own.int ^ live.int == 0xF << 76, "nothing else differs"
    assert not is_sandbox(UUID(int=0))


def test_every_number_has_its_receiver_or_none() -> None:
    for number, outcome in RECEIVERS.items():
        assert outcome_of(to(number)) == outcome
        found = sandbox.find(to(number))
        if outcome in ("parked", "rejected"):
            assert isinstance(found, Parked)
            assert (found.code, found.waits_for) == ("unknown-receiver", ())
        else:
            assert isinstance(found, Routed)
            assert OF_RECEIVER[found.receiver.party_id] == outcome
            assert found.receiver.email is None
    assert outcome_of(to("58070036")) is None


def test_whoever_is_confirmed_in_the_hub_is_nobody_here() -> None:
    for summary in (to("58070036"), to(), to("00000001", "00000002")):
        found = sandbox.find(summary)
        assert isinstance(found, Parked)
        assert found.waits_for == ()
