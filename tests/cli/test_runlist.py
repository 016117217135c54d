"""``mlops runs list``: what a search shows, what a wrong one says, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from jupyter_mlops.cli import Session, invoke
from jupyter_mlops.cli.process import run as run_cli
from jupyter_mlops.cli.render import to_text
from jupyter_mlops.core.run import MetricPoint


@pytest.fixture
def filled(workspace):
    for i, model in enumerate(["svm", "svm", "tree"]):
        run = workspace.tracking.create_run("churn", f"run{i}", tags={"team": "risk"}, params={"model": model})
        workspace.tracking.log(run.id, metrics=[MetricPoint(key="val auc", value=0.5 + i / 10, step=0, at_ms=1)])
        workspace.tracking.end_run(run.id, "FINISHED")
    return workspace


def _list(world, *args):
    return invoke(["runs", "list", *args], Session(world=world))


def test_what_the_search_is_about_gets_a_column(filled):
    found = _list(filled, "--where", "params.model = 'svm' and metrics.`val auc` > 0.1", "--order", "metrics.`val auc`")
    head, *rows = to_text(found).splitlines()
    assert [one.name for one in found] == ["run1", "run0"]
    assert head.split() == ["RUN", "NAME", "EXPERIMENT", "STATUS", "TOOK", "val", "auc", "model", "STARTED"]
    assert rows[0].split()[5:7] == ["0.6", "svm"] or rows[0].split()[6:8] == ["0.6", "svm"]


def test_of_more_runs_than_the_limit_it_is_said_how_many_there_are(filled):
    assert to_text(_list(filled, "--limit", "2")).endswith("2 of 3 runs; `--limit` shows more.")
    assert "1 of 2 runs; " in to_text(_list(filled, "--where", "params.model = 'svm'", "--limit", "1"))
    assert " of " not in to_text(_list(filled, "--limit", "3"))
    assert to_text(_list(filled, "--where", "tags.team = 'nobody'")) == "No runs match."


def test_a_filter_that_cannot_be_read_is_pointed_at(filled, monkeypatch, capsys):
    monkeypatch.chdir(filled.home)
    assert run_cli(["runs", "list", "--where", "params.model = svm"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Error: --where cannot be read at column 16: expected a number or a text in quotes")
    assert said[1:3] == ["  params.model = svm", " " * 17 + "^"]
    assert said[3].startswith("Hint: ")


def test_an_unknown_metric_is_named_with_what_is_near(filled, monkeypatch, capsys):
    monkeypatch.chdir(filled.home)
    assert run_cli(["runs", "list", "--order", "metrics.val_auc"]) == 3
    assert "No run has a metric 'val_auc'.\nHint: Did you mean val auc?" in capsys.readouterr().err


def test_names_of_metrics_and_parameters_complete(filled):
    import click

    from jupyter_mlops.cli.complete import run_filters, run_orders

    context = click.Context(click.Command("x"))
    context.params["workspace"] = filled.home
    parameter = click.Option(["--where"])
    assert run_orders(context, parameter, "metrics.`v") == ["metrics.`val auc`"]
    before = "metrics.`val auc` > 0.9 and "
    assert run_filters(context, parameter, f"{before}params.m") == [f"{before}params.model"]
    assert "started" in run_orders(context, parameter, "")


def test_listing_imports_no_mlflow(filled):
    code = (
        "import sys; from jupyter_mlops.cli.process import run; run(['runs', 'list', '--json']); "
        "run(['experiments', 'list', '--json']); sys.exit('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=filled.home, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert [one["name"] for one in json.JSONDecoder().raw_decode(done.stdout)[0]["items"]] == ["run2", "run1", "run0"]


def test_experiments_are_used_archived_and_restored(filled):
    def say(*args):
        return to_text(invoke(["experiments", *args], Session(world=filled)))

    assert "in use" in say("use", "churn")
    assert "churn" in say("use")
    assert "archived" in say("archive", "churn")
    assert "churn" not in say("list")
    assert "churn" in say("list", "--archived")
    assert "3" in say("restore", "churn")


def test_a_list_of_experiments_that_are_all_archived_says_so(mlops, here):
    here.tracking.create_run("churn", "one", tags={}, params={})
    for name in ("churn", "Default"):
        assert mlops("experiments", "archive", name).code == 0
    answer = mlops("experiments", "list")
    assert (answer.code, "mlops experiments list --archived" in answer.out) == (0, True)
    assert mlops("experiments", "list", "--json").json == {"items": []}
