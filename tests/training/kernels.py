"""What executes code in tests: a real IPython kernel, whose messages are seen, and a worker, which is waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from jupyter_mlops.core.run import Run
from jupyter_mlops.training.notebook import this_interpreter
from jupyter_mlops.training.runs import read_log
from jupyter_mlops.workspace import Workspace


@dataclass
class Reply:
    """What came of one cell."""

    status: str = ""
    stdout: str = ""
    stderr: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    ename: str = ""
    evalue: str = ""
    traceback: str = ""


class Kernel:
    """One kernel in ``folder``."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        spec_manager = this_interpreter()().kernel_spec_manager
        self.manager = KernelManager(kernel_name="python3", kernel_spec_manager=spec_manager)
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, source: str, *, timeout_s: float = 60, interrupt_when: str | None = None) -> Reply:
        """Execute a cell to its end; interrupt the kernel when ``interrupt_when`` appears on stdout."""
        message = self.client.execute(source)
        reply = Reply()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            got = self.client.get_iopub_msg(timeout=timeout_s)
            if got["parent_header"].get("msg_id") != message:
                continue
            kind, content = got["msg_type"], got["content"]
            if kind == "stream":
                setattr(reply, content["name"], getattr(reply, content["name"]) + content["text"])
                if interrupt_when and interrupt_when in reply.stdout:
                    interrupt_when = None
                    # ipykernel itself loses a cell that is interrupted between two steps of its event loop.
                    time.sleep(0.5)
                    self.manager.interrupt_kernel()
            elif kind == "display_data":
                reply.displays.append(content["data"])
            elif kind == "update_display_data":
                reply.updates.append(content["data"])
            elif kind == "execute_result":
                reply.results.append(content["data"])
            elif kind == "error":
                reply.ename, reply.evalue = content["ename"], content["evalue"]
                reply.traceback = "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                break
        reply.status = self.client.get_shell_msg(timeout=timeout_s)["content"]["status"]
        return reply

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def ended(world: Workspace, run: Run, timeout_s: float = 240) -> Run:
    """Wait until a worker has ended a run."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        now = world.tracking.run(run.id)
        if now.status not in {"RUNNING", "SCHEDULED"}:
            return now
        time.sleep(0.1)
    raise AssertionError(f"{run.id} did not end: {read_log(world, run.id, 'stderr')}")
