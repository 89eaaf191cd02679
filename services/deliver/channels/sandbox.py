"""The channel of the sandbox: it does what the receiver was made for, and nothing leaves the hub."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from libs.contracts.parts import Words
from services.deliver.channels import Done
from services.deliver.parcel import HandedOver, Job, Loaded, Outcome, Refused

_REFUSED = Refused(
    "sandbox-undeliverable",
    Words(
        nl="Deze ontvanger van de sandbox is er om niet bereikt te worden.",
        en="This receiver of the sandbox is there not to be reached.",
    ),
)


class SandboxChannel:
    """A ``ChannelAdapter``. The lane of a job is what shall become of it."""

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        yield [(each.job, _outcome(each.job)) for each in loaded]

    async def settled(self, jobs: Sequence[Job]) -> None:
        return None

    async def close(self) -> None:
        return None


def _outcome(job: Job) -> Outcome:
    return _REFUSED if job.lane == "undeliverable" else HandedOver("sandbox: nothing left the hub")
