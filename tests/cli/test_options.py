"""Options: KEY=VALUE, and what is not."""

from __future__ import annotations

import pytest

from jupyter_mlops.cli.options import NotKeyValue, key_values


def test_values_may_hold_equals_signs_and_be_empty():
    assert key_values(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("text", ["C", "", "=1", " =1"])
def test_anything_else_is_named(text):
    with pytest.raises(NotKeyValue) as caught:
        key_values([text])
    assert repr(text) in caught.value.message
    assert "-p C=0.5" in caught.value.hint
