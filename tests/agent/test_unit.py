"""The unit of the user's systemd: one that systemd reads, and that starts the workspace's agent."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.agent.control import agent_status, start_agent, stop_agent
from jupyter_mlops.agent.unit import NoSystemd, install_agent, uninstall_agent
from jupyter_mlops.core.agentlock import starting
from jupyter_mlops.core.process import is_alive


@pytest.fixture
def configuration(tmp_path, monkeypatch) -> Path:
    """The user's configuration folder, empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="there is no systemctl")
def test_installing_writes_a_unit_that_systemd_reads_and_uninstalling_removes_it(
    make_workspace, tmp_path, configuration, monkeypatch
):
    world = make_workspace(tmp_path / 'a "100%" $HOME')
    monkeypatch.setenv("HTTPS_PROXY", 'http://it"s:3128/%20')
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    unit = Path(install_agent(world).file)
    assert unit.is_relative_to(configuration)
    assert agent_status(world).unit == str(unit)
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "--user", "verify", unit], check=False, capture_output=True, text=True
        )
        assert (checked.returncode, checked.stderr) == (0, "")
    assert (unit.parent / "default.target.wants" / unit.name).resolve() == unit.resolve()
    assert unit.stat().st_mode & 0o077 == 0
    assert install_agent(world).file == str(unit)
    assert uninstall_agent(world)
    assert not uninstall_agent(world)
    assert [path for path in configuration.rglob("*") if not path.is_dir()] == []


@pytest.mark.usefixtures("configuration")
def test_the_units_command_starts_the_workspaces_agent(make_workspace, tmp_path):
    world = make_workspace(tmp_path / "home")
    if shutil.which("systemctl") is None:
        with pytest.raises(NoSystemd, match="systemd") as error:
            install_agent(world)
        assert "mlops agent start" in error.value.hint
        return
    lines = Path(install_agent(world).file).read_text().splitlines()
    command = shlex.split(next(line for line in lines if line.startswith("ExecStart=")).partition("=")[2])
    given = [shlex.split(line.partition("=")[2])[0] for line in lines if line.startswith("Environment=")]
    with subprocess.Popen(command, env=dict(each.split("=", 1) for each in given), cwd=world.root) as agent:
        while not (found := agent_status(world)).running:
            assert agent.poll() is None
        assert found.pid == agent.pid
        assert stop_agent(world)
        assert agent.wait(30) == 0


@pytest.mark.usefixtures("configuration")
def test_starting_the_agent_waits_until_it_runs(make_workspace, tmp_path):
    world = make_workspace(tmp_path / "home")
    first = start_agent(world)
    assert first.running
    assert first.pid != os.getpid()
    assert start_agent(world).pid == first.pid
    assert stop_agent(world)


def test_an_agent_that_only_starts_is_stopped_and_not_started_twice(make_workspace, tmp_path):
    world = make_workspace(tmp_path / "home")
    world.ensure_agent()
    begun = starting(world.root)
    world.ensure_agent()
    assert begun is not None
    assert starting(world.root) in {begun, None}  # None: it was quick, and holds the lock
    assert stop_agent(world)
    assert not is_alive(begun.process)
    assert not agent_status(world).running
    assert not stop_agent(world)
