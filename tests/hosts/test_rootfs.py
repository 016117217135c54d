"""The Python of an image, found in its layers."""

from __future__ import annotations

import gzip
import io

import pytest

from jupyter_mlops.hosts.layers import Member, tar_stream
from jupyter_mlops.hosts.python import Python
from jupyter_mlops.hosts.rootfs import Rootfs

PYTHON = Member(name="usr/bin/python3.11", content=b"x", executable=True)
LIBC = Member(name="usr/lib/x86_64-linux-gnu/libc.so.6", content=b"..GNU C Library (X 2.31) release version 2.31\n")


def rootfs(*layers: list[Member]) -> Rootfs:
    root = Rootfs()
    for layer in layers:
        root.add(io.BytesIO(b"".join(tar_stream(layer))))
    return root


def test_links_are_followed_across_layers():
    linked = [Member(name="bin", link="usr/bin"), Member(name="usr/bin/python3", link="python3.11")]
    found = rootfs([PYTHON, LIBC], linked).find_python("/none:/bin")
    assert found == Python(interpreter="/usr/bin/python3.11", version="3.11", libc="glibc 2.31")


def test_a_c_library_may_say_its_version_in_its_name():
    files = [PYTHON, Member(name="usr/bin/python3", link="python3.11"), Member(name="lib/libc-2.28.so", content=b"x")]
    found = rootfs([*files, Member(name="lib/libc.so.6", link="libc-2.28.so")]).find_python("")
    assert found is not None
    assert found.libc == "glibc 2.28"


def test_another_c_library_is_not_taken_for_glibc():
    musl = Member(name="lib/ld-musl-x86_64.so.1", content=b"musl libc")
    found = rootfs([PYTHON, Member(name="usr/bin/python", link="python3.11"), musl]).find_python("/usr/bin")
    assert found is not None
    assert found.libc == ""


@pytest.mark.parametrize("gone", ["usr/bin/.wh.python3.11", "usr/.wh.bin", "usr/bin/.wh..wh..opq"])
def test_what_a_later_layer_removes_is_gone(gone):
    layers = [PYTHON, Member(name="usr/bin/python3", link="python3.11")], [Member(name=gone, content=b"")]
    assert rootfs(*layers).find_python("/usr/bin") is None


def test_what_a_later_layer_puts_in_the_place_of_what_it_removed_stays():
    later = [Member(name="usr/bin/.wh..wh..opq", content=b""), Member(name="usr/bin/python3.12", content=b"")]
    root = rootfs([PYTHON], [*later, Member(name="usr/bin/python3", link="python3.12")])
    found = root.find_python("/usr/bin")
    assert found is not None
    assert found.version == "3.12"


def test_links_that_go_in_circles_lead_nowhere():
    assert (
        rootfs([Member(name="bin/python3", link="python"), Member(name="bin/python", link="python3")]).find_python(
            "/bin"
        )
        is None
    )


def test_layers_may_be_compressed():
    root = Rootfs()
    layer = [PYTHON, Member(name="usr/bin/python3", link="../bin/./python3.11")]
    root.add(io.BytesIO(gzip.compress(b"".join(tar_stream(layer)))))
    assert root.find_python("/usr/bin") is not None
