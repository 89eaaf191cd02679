"""No invoice ever gets the PDF of another one (R23)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.uploads.pairing import pair

STEMS = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=8)


@pytest.mark.proves("R23", "R24")
@given(STEMS, STEMS)
def test_a_pdf_is_given_at_most_once_and_only_to_the_one_xml_of_its_name(
    xmls: list[str], pdfs: list[str]
) -> None:
    made = pair(xmls, pdfs)
    given_out = list(made.pdf_of.values())
    assert len(given_out) == len(set(given_out))
    for xml, pdf in made.pdf_of.items():
        assert xmls[xml] == pdfs[pdf] != ""
        assert xmls.count(xmls[xml]) == pdfs.count(pdfs[pdf]) == 1
    # No PDF is lost, and none is two things.
    assert sorted([*given_out, *made.ambiguous, *made.lone]) == list(range(len(pdfs)))


@given(STEMS, STEMS)
def test_what_can_be_paired_is_paired(xmls: list[str], pdfs: list[str]) -> None:
    once = {stem for stem in set(xmls) & set(pdfs) - {""} if xmls.count(stem) == pdfs.count(stem) == 1}
    assert {xmls[xml] for xml in pair(xmls, pdfs).pdf_of} == once
