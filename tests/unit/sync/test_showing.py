"""What people are told of a run."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs import clock
from services.sync import showing
from services.sync.plans import Item, Plan

NOBODY = UUID(int=1)
PLAN = Plan(
    plan_id=NOBODY,
    solution_id=NOBODY,
    client_id=NOBODY,
    account_id=NOBODY,
    mode="load",
    state="applied",
    hash="",
    counts={"create": 3},
    checks=(),
    objections=(),
    trouble=None,
    made_at=clock.now(),
    started_at=None,
    ended_at=None,
    traceparent=None,
)


@pytest.mark.proves("R300", "R303")
def test_a_run_whose_records_failed_does_not_look_like_one_that_went_well() -> None:
    well = list(showing.ended(PLAN, {"applied": 3, "noted": 1}, "nl"))
    assert well == ["applied: 3 uitgevoerd, 1 genoteerd"]
    failed = list(showing.ended(PLAN, {"failed": 3}, "en"))
    assert failed[0] == "applied: 3 failed"
    assert failed[1].endswith(f"postbode sync show {NOBODY}")


def test_a_page_says_how_many_records_it_does_not_show() -> None:
    item = Item(
        sequence=1,
        administration="001",
        kind="gl_account",
        record_id="1",
        external_id="001-1",
        action="create",
        rule="",
        words=None,
        before=None,
        after={"externalId": "001-1", "description": "<script>"},
        stamp="s",
        ours="x",
        state="planned",
        attempts=0,
        code="",
        message=None,
        settled_at=None,
    )
    page = showing.page_head(PLAN, "en") + showing.page_rows([item], "en") + showing.page_end(PLAN, 1, "en")
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert f"And 2 records more: postbode sync show {NOBODY}" in page
    assert "more" not in showing.page_end(PLAN, 3, "en")
