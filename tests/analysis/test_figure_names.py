"""Labels, links and file names in figures hold whatever names hold."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st

from cornered.analysis.figures.names import file_name, model_labels, trials_link, wrapped
from cornered.text import shorten, visible


@given(st.text(), st.integers(5, 40))
def test_a_label_is_short_visible_and_may_stand_in_xml(text: str, most: int) -> None:
    label = shorten(text, most)
    assert len(label) <= most
    element = ET.Element("text", title=label)
    element.text = label
    again = ET.fromstring(ET.tostring(element, encoding="unicode"))
    assert again.text == (label or None)
    assert visible(label) == label


@given(st.text(), st.integers(5, 40))
@example("0 %", 5)
@example("00\t", 5)
def test_wrapped_text_keeps_its_short_words(text: str, most: int) -> None:
    lines = wrapped(text, most)
    assert all(len(line) <= most for line in lines)
    together = visible(text).replace(" %", "\u00a0%")  # a number and its sign stay together
    kept = {w for w in together.split(" ") if 0 < len(w) < 5 and "\u00a0" not in w}
    assert kept <= {word for line in lines for word in line.split(" ")}


def test_links_hold_whatever_the_names_hold() -> None:
    link = trials_link("a/b&c=d", "x/y+noise=40 #?", outcome="<b>")
    assert link == (
        "#trials?model=a%2Fb%26c%3Dd&condition=x%2Fy%2Bnoise%3D40%20%23%3F&outcome=%3Cb%3E"
    )
    assert trials_link("\ud800", "x").startswith("#trials?")


def test_models_are_called_by_what_tells_them_apart() -> None:
    assert model_labels(["a/x", "b/x", "c/y"]) == {"a/x": "a/x", "b/x": "b/x", "c/y": "y"}
    assert file_name("headline", "am/blackmail", "") == "headline-am-blackmail"
