"""Help: everywhere, with an example, at once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from jupyter_mlops.cli.command import Command, Group
from jupyter_mlops.cli.root import COMMANDS, SECTIONS, tree

HEAVY = ("mlflow", "pandas", "numpy", "sqlalchemy", "docker", "tornado", "IPython", "papermill", "jupyter_server")


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "mlops", tree
    with click.Context(tree) as ctx:
        for name in tree.list_commands(ctx):
            command = tree.get_command(ctx, name)
            assert command is not None
            yield name, command
            if isinstance(command, click.Group):
                for verb in command.list_commands(ctx):
                    found = command.get_command(ctx, verb)
                    assert found is not None
                    yield f"{name} {verb}", found


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL)
def test_every_command_says_what_it_does_and_gives_an_example_of_itself(path, mlops):
    command = ALL[path]
    assert isinstance(command, Command)
    assert command.help
    assert command.example
    if not isinstance(command, Group):
        assert re.search(rf"mlops (services )?{path}", command.example)
    answer = mlops(*path.removeprefix("mlops").split(), "--help")
    assert answer.code == 0
    assert command.example.splitlines()[0] in answer.out


@pytest.mark.parametrize("path", [path for path, command in ALL.items() if path.endswith(("list", "show"))])
def test_every_reading_command_speaks_json(path):
    assert "--json" in [option for param in ALL[path].params for option in param.opts]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_one_line_in_the_root_help_is_the_commands_own(name):
    section, _, line = COMMANDS[name]
    assert section in SECTIONS
    assert ALL[name].get_short_help_str(limit=200).rstrip(".") == line.rstrip(".")


@pytest.mark.parametrize("args", [[], ["--help"], ["--version"], ["completion", "zsh"]])
def test_help_loads_nothing_heavy(args):
    code = (
        "import sys\n"
        "from jupyter_mlops.cli.process import run\n"
        f"code = run({args})\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_nouns_help_loads_neither_mlflow_nor_pandas():
    code = (
        "import sys\n"
        "from jupyter_mlops.cli.process import run\n"
        "for noun in ('runs', 'models', 'services', 'manifests', 'snapshots', 'images'):\n"
        "    assert run([noun, '--help']) == 0\n"
        "sys.exit(str([n for n in ('mlflow', 'pandas', 'docker') if n in sys.modules] or ''))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_a_bare_noun_shows_its_help(mlops):
    answer = mlops("services")
    assert answer.code == 0
    assert "deploy" in answer.out
    assert "mlops services list" in answer.out


def test_in_a_magic_the_examples_are_magics(capsys):
    from jupyter_mlops.cli import Session, invoke

    assert invoke(["services", "list", "--help"], Session(face="notebook"), program="%ml") is None
    assert "%ml services list\n" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_their_shell(shell, mlops):
    answer = mlops("completion", shell)
    assert answer.code == 0
    assert f"_MLOPS_COMPLETE={shell}_complete" in answer.out
