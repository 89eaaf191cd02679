"""What deliver says it has in hand, as ``postbode drain`` asks."""

from __future__ import annotations

from services.deliver.under_way import LEFT
from services.deliver.waits import pauses
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import receiver

X = receiver("X", email="in@x.example")


async def left(stage: Stage) -> dict[str, tuple[int, int]]:
    found = {row["what"]: (row["now"], row["later"]) for row in await stage.worker.fetch(LEFT)}
    assert found.pop("sales") == (0, 0)
    return found


async def test_due_under_way_held_back_and_done(stage: Stage) -> None:
    assert await left(stage) == {"attempts": (0, 0), "deliveries": (0, 0)}
    await stage.send(X, 3)
    assert await left(stage) == {"attempts": (0, 0), "deliveries": (3, 0)}
    await pauses.pause(stage.worker, "smtp", None, by="anna", why="x")
    assert await left(stage) == {"attempts": (0, 0), "deliveries": (0, 3)}
    await pauses.resume(stage.worker, "smtp", None)
    await stage.dispatcher().start("smtp")
    assert await left(stage) == {"attempts": (3, 0), "deliveries": (0, 0)}
    await stage.expire()
    assert await stage.dispatcher().dispatch() == 3
    assert await left(stage) == {"attempts": (0, 0), "deliveries": (0, 0)}


async def test_what_is_tried_again_later_is_for_later(stage: Stage) -> None:
    stage.sink.answer = lambda _: "451 later"
    await stage.send(X, 1)
    await stage.dispatcher(retry_first_seconds=600).dispatch()
    assert await left(stage) == {"attempts": (0, 0), "deliveries": (0, 1)}
