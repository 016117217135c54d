"""How the extension starts and stops with its server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import jupyter_mlops

LOADED = """
import asyncio, json, sys
from jupyter_server.serverapp import ServerApp

async def main():
    app = ServerApp(jpserver_extensions={"jupyter_mlops": True}, port=0, open_browser=False, allow_root=True,
                    reraise_server_extension_failures=True)
    app.initialize(argv=[], new_httpserver=False, find_extensions=False)
    print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))

asyncio.run(main())
"""


def test_the_package_names_its_extension_and_its_front_end():
    assert [point["module"] for point in jupyter_mlops._jupyter_server_extension_points()] == [
        "jupyter_mlops.server.extension"
    ]
    assert jupyter_mlops._jupyter_labextension_paths() == [{"src": "labextension", "dest": "jupyter-mlops"}]


def test_importing_the_package_imports_no_server():
    code = "import sys, jupyter_mlops; print([n for n in sys.modules if n.startswith(('jupyter_server', 'tornado', 'msgspec'))])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_server_loads_it_without_mlflow_docker_or_sqlalchemy(tmp_path: Path):
    heavy = ["mlflow", "docker", "sqlalchemy", "sklearn", "pandas", "jupyter_mlops.workspace"]
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", LOADED, *heavy],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_an_installed_package_turns_it_on():
    checkout = Path(jupyter_mlops.__file__).parent / "etc"
    etc = checkout if checkout.is_dir() else Path(sys.prefix) / "etc" / "jupyter"
    config = etc / "jupyter_server_config.d" / "jupyter_mlops.json"
    assert json.loads(config.read_text()) == {"ServerApp": {"jpserver_extensions": {"jupyter_mlops": True}}}
    assert metadata.version("jupyter-server").startswith("2.")


@pytest.mark.usefixtures("server")
async def test_a_server_with_a_workspace_hands_it_to_kernels(here, api):
    assert (await api("GET", "workspace")).body["home"] == str(here.home)
    assert os.environ["MLOPS_WORKSPACE"] == str(here.home)


@pytest.mark.usefixtures("here")
async def test_stopping_takes_it_back(server):
    await server.extension_manager.stop_all_extensions()

    assert "MLOPS_WORKSPACE" not in os.environ


async def test_a_broken_workspace_does_not_keep_the_server_from_starting(jp_root_dir, api, jp_serverapp):
    (jp_root_dir / ".mlops").mkdir()
    (jp_root_dir / ".mlops" / "workspace.toml").write_text("= nonsense")
    await jp_serverapp.extension_manager.start_all_extensions()

    answer = await api("GET", "workspace")

    assert answer.status == 400
    assert "workspace.toml is not valid TOML" in answer.body["detail"]
