"""``python limited.py CPUS MEMORY_BYTES PROGRAM...``: becomes a program that may use so much of this machine.

A script that imports nothing of ours: what is limited has to be so before its first library is loaded, and it is run without
any site-packages. Linux alone keeps processes without rights to this.
"""

from __future__ import annotations

import math
import os
import sys


def main() -> None:
    """Limit this process, then become the program."""
    import random
    import resource

    n_cores, n_bytes = math.ceil(float(sys.argv[1])), int(sys.argv[2])
    allowed = sorted(os.sched_getaffinity(0))
    if 0 < n_cores < len(allowed):  # any of them: replicas that all took the first would stand in each other's way
        os.sched_setaffinity(0, random.sample(allowed, n_cores))
    if n_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes))
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606  # the program that we were given


if __name__ == "__main__":
    main()
