"""A notebook as a run: executed by papermill in this interpreter's kernel, the executed notebook kept."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any


def run_session(notebook: Path, executed: Path) -> int:
    """Execute a recorded session in the current folder; cells that failed then may fail. Returns the exit code."""
    os.environ["MLOPS_PARAMETERS"] = "{}"  # a parameter of the run is one that the session has in a cell
    code = run_notebook(notebook, executed, folder=Path.cwd())
    # papermill calls a notebook failed that has any failed cell; it went to its end if the last one has succeeded
    return 0 if code == 1 and _went_to_its_end(executed) else code


def _went_to_its_end(executed: Path) -> bool:
    cells = [cell for cell in json.loads(executed.read_bytes())["cells"] if cell["cell_type"] == "code"]
    failed = any(output["output_type"] == "error" for output in cells[-1]["outputs"])
    return not failed and cells[-1]["metadata"].get("papermill", {}).get("status") == "completed"


def run_notebook(notebook: Path, executed: Path, *, folder: Path | None = None) -> int:
    """Execute a notebook with the run's parameters, in its own folder if in no other; outputs appear as they come.

    Returns the exit code.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    parameters = {key: typed(value) for key, value in json.loads(os.environ["MLOPS_PARAMETERS"]).items()}
    interpreter = this_interpreter()
    try:
        papermill.execute_notebook(
            str(notebook),
            str(executed),
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            log_output=True,
            cwd=str(folder or notebook.absolute().parent),
            kernel_manager_class=interpreter,
            extra_arguments=[
                "--ext=jupyter_mlops"
            ],  # plain MLflow goes to the run with no line of ours in the notebook
        )
    except PapermillExecutionError as error:
        if error.ename == "KeyboardInterrupt":
            return 130
        sys.stderr.write("\n".join(error.traceback) + f"\n{error.ename}: {error.evalue}\n")
        return 1
    except DeadKernelError:
        code = getattr(interpreter, "exit_code", None) or 1
        sys.stderr.write(f"The kernel ended with exit code {code}.\n")
        return code if code > 0 else 128 - code  # as shells have it for a signal
    except KeyboardInterrupt:
        return 130
    return 0


def typed(text: str) -> Any:
    """Return ``0.5``, ``True``, ``[1, 2]`` or ``None`` for text that is a Python literal, else the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def this_interpreter() -> type:
    """Return a kernel manager that knows one kernel: ipykernel in this interpreter, whatever else is installed."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(AsyncKernelManager):
        exit_code: int | None = None
        """Of the newest kernel that was found dead."""

        async def is_alive(self) -> bool:  # type: ignore[override]  # as AsyncKernelManager's is, which traitlets hides
            alive: bool = await super().is_alive()
            if not alive and self.provisioner is not None:
                type(self).exit_code = await self.provisioner.poll()
            return alive

        def _transport_encryption_default(self) -> str:
            """Nobody else on this machine is to read along; where libzmq cannot, ipykernel warns."""
            import zmq

            return "auto" if zmq.has("curve") else "disabled"

        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return KernelSpecManager(parent=self, kernel_dirs=[])

    return ThisInterpreter
