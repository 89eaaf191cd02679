"""The catalogue of bookkeeping packages holds together with what the hub writes."""

from __future__ import annotations

import pytest

from libs.einvoice import convert
from libs.einvoice.packages import ORIGINAL, chosen, packages
from libs.errors import BadInput

NAMED = {
    "exact-online", "globe", "afas", "twinfield", "snelstart", "multivers", "e-boekhouden", "yuki", "basecone", "odoo",
    "ubl", "pdf",
}  # fmt: skip


@pytest.mark.proves("R52")
def test_every_package_takes_formats_the_hub_writes() -> None:
    assert set(packages()) == NAMED
    for each in packages().values():
        assert set(each.formats) <= {*convert.TARGETS, ORIGINAL}, each.id
        assert each.source
        assert each.channel == "folder" or each.id != "globe"


def test_a_receiver_gets_what_it_chose_else_what_its_package_takes() -> None:
    assert chosen("afas", None) == "nlcius"
    assert chosen("afas", "siubl-1.2") == "siubl-1.2"
    assert chosen("afas", ORIGINAL) == ORIGINAL
    assert chosen("something-else", None) == ORIGINAL
    assert chosen("something-else", "cii") == "cii"
    with pytest.raises(BadInput, match="nlcius"):
        chosen("afas", "eexact")
    assert chosen("globe", None) == ORIGINAL, "nobody published what it takes"
