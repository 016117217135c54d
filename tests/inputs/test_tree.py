"""Paths of any bytes travel as text and come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.inputs.tree import raw, shown

PIECES = st.sampled_from([b"%", b"%25", b"%FF", b"%41", b"\xff", b"\xc3\xa9", b"\xc3", b"a", b"/", b"2", b"5", b"F"])


@given(path=st.one_of(st.binary(), st.lists(PIECES).map(b"".join)))
def test_every_path_comes_back_from_its_text(path: bytes) -> None:
    text = shown(path)
    assert raw(text) == path
    text.encode()  # it can be stored and sent


@given(text=st.text())
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    plain = text.replace("%", "").encode(errors="ignore")
    assert shown(plain) == plain.decode()
