"""REST: experiments and runs, started and looked at with no kernel open."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import quote

import pytest

SCRIPT = """
import argparse, sys
from pathlib import Path
import jupyter_mlops as ml
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
C = parser.parse_args().C
ml.log({"acc": C / 2, "worst": float("nan")})
Path("outputs").mkdir()
Path("outputs/note 1.html").write_text("<script>alert(1)</script>")
print("hello from", C)
print("careful", file=sys.stderr)
"""


async def ended(api, ref: str, timeout_s: float = 90) -> dict:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        run = (await api("GET", f"runs/{ref}")).body["run"]
        if run["status"] not in {"RUNNING", "SCHEDULED"}:
            return run
        await asyncio.sleep(0.2)
    raise AssertionError(run)


async def test_a_script_of_the_file_browser_runs_and_shows_what_it_did(api, jp_root_dir):
    (jp_root_dir / "sub").mkdir()
    (jp_root_dir / "sub" / "train.py").write_text(SCRIPT)

    started = await api(
        "POST",
        "runs",
        {
            "file": "sub/train.py",
            "params": {"C": "0.5"},
            "experiment": "churn",
            "name": "first",
            "tags": {"team": "risk"},
        },
    )
    assert started.status == 201
    ref = started.body["id"]
    run = await ended(api, ref)

    assert run["status"] == "FINISHED", run["reason"]
    assert (run["experiment"], run["actor"], run["params"]["C"]) == ("churn", "ada", "0.5")
    assert (run["metrics"]["acc"], run["metrics"]["worst"]) == (0.25, "NaN")
    detail = (await api("GET", "runs/first")).body
    assert detail["run"]["id"] == ref
    assert len(detail["snapshot"]) == 16
    assert (await api("GET", f"runs/{ref}/logs/stdout")).body["text"] == "hello from 0.5\n"
    assert "careful" in (await api("GET", f"runs/{ref}/logs/stderr")).body["text"]
    (page,) = [one["path"] for one in detail["artifacts"] if one["path"].endswith("note 1.html")]
    file = await api("GET", f"runs/{ref}/artifacts/{quote(page)}")
    assert file.raw == b"<script>alert(1)</script>"
    assert file.headers["Content-Disposition"] == "attachment; filename*=UTF-8''note%201.html"
    assert file.headers["Content-Security-Policy"].startswith("sandbox")
    listed = (await api("GET", "runs", experiment="churn", status="FINISHED", project=run["project"])).body["items"]
    assert [one["id"] for one in listed] == [ref]
    assert [one["name"] for one in (await api("GET", "experiments")).body["items"] if one["name"] == "churn"] == [
        "churn"
    ]
    assert (await api("GET", "experiments/churn")).body["name"] == "churn"
    snapshot = (await api("GET", f"snapshots/{detail['snapshot']}")).body
    assert [one["path"] for one in snapshot["files"]] == ["train.py"]
    (jp_root_dir / "sub" / "train.py").write_text("print(2)")
    kept = await api("GET", f"snapshots/{detail['snapshot']}/files/train.py")
    assert (kept.raw.decode(), kept.headers["Content-Security-Policy"][:7]) == (SCRIPT, "sandbox")
    gone = await api("GET", f"snapshots/{detail['snapshot']}/files/sub/train.py")
    assert (gone.status, gone.body["code"]) == (404, "snapshot-path-not-found")
    tail = (await api("GET", f"runs/{ref}/logs/stdout", offset=-4)).body
    assert (tail["text"], tail["n_bytes"]) == ("", 15)  # the last whole line is longer
    restored = await api("POST", f"snapshots/{detail['snapshot']}/restore", {"name": "again"})
    assert restored.status == 200, restored.body
    assert (await api("POST", f"snapshots/{detail['snapshot']}/restore", {"name": "../out"})).status == 400
    assert (await api("POST", f"snapshots/{detail['snapshot']}/restore", {"name": "again"})).status == 409
    changed = (await api("GET", f"snapshots/{detail['snapshot']}/diff")).body["items"]
    assert [(one["path"], one["change"]) for one in changed] == [("train.py", "changed")]
    assert len((await api("GET", "snapshots")).body["items"]) == 1
    assert restored.body["left_out"] == []
    for form, magic in (("zip", b"PK"), ("tar.zst", b"\x28\xb5\x2f\xfd")):
        archive = await api("GET", f"snapshots/{detail['snapshot']}/export", form=form)
        assert archive.raw.startswith(magic)
    assert (await api("GET", f"snapshots/{detail['snapshot']}/export", form="rar")).status == 400
    for dry_run in (True, False):
        kept = await api("POST", "snapshots/gc", {"dry_run": dry_run})
        assert kept.status == 200
        assert (kept.body["dry_run"], kept.body["snapshots"], kept.body["n_packs"]) == (dry_run, [], 0)
    nodes = (await api("GET", f"lineage/run/{ref}")).body["nodes"]
    assert nodes[0]["kind"] == "run"


@pytest.mark.usefixtures("here")
async def test_a_run_is_cancelled(api, jp_root_dir):
    (jp_root_dir / "slow.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    ref = (await api("POST", "runs", {"file": "slow.py", "snapshot": False})).body["id"]
    deadline = time.monotonic() + 60
    while "up" not in (await api("GET", f"runs/{ref}/logs/stdout")).body["text"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)

    cancelled = await api("POST", f"runs/{ref}/cancel")

    assert (cancelled.status, cancelled.body["status"]) == (200, "KILLED")
    again = await api("POST", f"runs/{ref}/cancel")
    assert again.status == 409
    assert [event["actor"] for event in (await api("GET", "events")).body["items"] if event["verb"] == "cancel"] == [
        "ada"
    ]


@pytest.mark.parametrize(
    ("body", "error", "names"),
    [
        ({"file": "../secret.py"}, (400, "outside-root"), "../secret.py"),
        ({"file": "/etc/../../etc/passwd"}, (400, "outside-root"), "passwd"),
        ({"file": "out/passwd"}, (400, "outside-root"), "out/passwd"),
        ({"file": "missing.py"}, (404, "file-not-found"), "missing.py"),
        ({"file": "train.py", "source": ".."}, (400, "outside-root"), ".."),
        ({"file": "train.py", "params": {"C": 0.5}}, (400, "bad-body"), "$.params"),
        ({"file": "train.py", "paramz": {}}, (400, "bad-body"), "paramz"),
        ({}, (400, "bad-body"), "file"),
    ],
)
@pytest.mark.usefixtures("here")
async def test_a_run_that_cannot_begin_says_why_and_leaves_nothing(api, jp_root_dir, body, error, names):
    (jp_root_dir / "train.py").write_text("print(1)")
    (jp_root_dir / "out").symlink_to("/etc")

    answer = await api("POST", "runs", body)

    assert (answer.status, answer.body["code"]) == error
    assert names in answer.body["detail"]
    assert answer.body["hint"]
    assert (await api("GET", "runs")).body["items"] == []


@pytest.mark.parametrize("file", ["notes.txt", "broken.ipynb", "folder"])
@pytest.mark.usefixtures("here")
async def test_what_is_no_script_or_notebook_is_refused(api, jp_root_dir, file):
    (jp_root_dir / "notes.txt").write_text("x")
    (jp_root_dir / "broken.ipynb").write_text("{")
    (jp_root_dir / "folder").mkdir()

    answer = await api("POST", "runs", {"file": file})

    assert answer.status in {400, 404}
    assert Path(file).name in answer.body["detail"]
    assert (await api("GET", "runs")).body["items"] == []


@pytest.mark.parametrize(
    ("path", "status", "names"),
    [
        ("runs/nothing", 404, "nothing"),
        ("runs/nothing/logs/stdout", 404, "nothing"),
        ("runs/nothing/artifacts/x", 404, "nothing"),
        ("runs/nothing/logs/stdin", 400, "stdin"),
        ("experiments/nothing", 404, "nothing"),
        ("runs?experiment=nothing&x=", 404, "nothing"),
        ("runs?limit=0&x=", 400, "limit"),
        ("runs?limit=many&x=", 400, "limit"),
        ("runs?status=DONE&x=", 400, "DONE"),
        ("snapshots/0123456789abcdef", 404, "0123456789abcdef"),
        ("lineage/run/nothing", 404, "nothing"),
        ("lineage/cake/nothing", 400, "cake"),
    ],
)
@pytest.mark.usefixtures("here")
async def test_what_is_not_there_is_named(api, path, status, names):
    answer = await api("GET", path)

    assert answer.status == status, answer.body
    assert names in answer.body["detail"]


async def test_artifacts_cannot_lead_out_of_a_run(api, here):
    run = here.tracking.create_run("e", "r", tags={}, params={})
    (here.home / "x.txt").write_text("x")
    here.tracking.store(run.id, here.home / "x.txt", "folder")

    for path in ("..%2F..%2F..%2Fworkspace.toml", "folder/../../../../workspace.toml", "%2Fetc%2Fpasswd", "missing"):
        answer = await api("GET", f"runs/{run.id}/artifacts/{path}")
        assert answer.status == 404, path
    assert (await api("GET", f"runs/{run.id}/artifacts/folder")).body["code"] == "artifact-is-folder"
    assert (await api("GET", f"runs/{run.id}/artifacts/folder/x.txt")).raw == b"x"


async def test_metrics_are_logged_to_a_run_that_executes_elsewhere(api, here):
    run = here.tracking.create_run("curves", "elsewhere", tags={}, params={})

    logged = await api("POST", f"runs/{run.id}/metrics", {"values": {"acc": 0.5, "loss": "Infinity"}, "step": 3})
    assert (logged.status, logged.body["metrics"]) == (200, {"acc": 0.5, "loss": "Infinity"})
    assert [(point.step, point.value) for point in here.tracking.history(run.id, "acc")] == [(3, 0.5)]
    for first, last, at in ((None, 3, [3]), (3, None, [3]), (-1, 2, []), (4, 2**60, [])):
        wanted = {name: place for name, place in (("first", first), ("last", last)) if place is not None}
        curves = (await api("GET", f"runs/{run.id}/curves", keys="acc", **wanted)).body["items"]
        assert [place for curve in curves for place in curve["at"]] == at
    assert (await api("GET", f"runs/{run.id}/curves", keys="acc", first=2**63)).status == 400

    assert (await api("POST", f"runs/{run.id}/metrics", {"values": {"acc": "high"}})).status == 400
    assert (await api("POST", "runs/nothing/metrics", {"values": {"acc": 1}})).body["code"] == "run-not-found"
    assert (await api("POST", f"runs/{run.id}/metrics", {"values": {"acc": 1}}, user="rita")).status == 403


async def test_runs_are_compared_tagged_deleted_and_restored(api, here):
    for name, auc in (("a", 0.5), ("b", 0.7)):
        run = here.tracking.create_run("trash", name, tags={"draft": "yes"}, params={"C": name})
        await api("POST", f"runs/{run.id}/metrics", {"values": {"auc": auc}})
        here.tracking.end_run(run.id, "FINISHED")

    found = (await api("GET", "comparison", runs="a,b")).body
    assert [(line["name"], line["best"]) for line in found["metrics"]] == [("auc", 1)]
    assert [line["values"] for line in found["params"]] == [["a", "b"]]
    few = await api("GET", "comparison", runs="a")
    assert (few.status, few.body["code"]) == (400, "too-few-runs")

    changed = (await api("PATCH", "runs/a", {"tags": {"team": "risk", "draft": None}, "note": "*fine*"})).body
    assert (changed["tags"]["team"], changed["tags"]["mlflow.note.content"]) == ("risk", "*fine*")
    assert "draft" not in changed["tags"]
    assert (await api("PATCH", "runs/a", {"tags": {"mlops.snapshot": "x"}})).status == 400

    assert (await api("DELETE", "runs/a", user="rita")).status == 403
    assert (await api("DELETE", "runs/a")).status == 204
    assert [one["name"] for one in (await api("GET", "runs")).body["items"]] == ["b"]
    missed = await api("GET", "runs/a")
    assert (missed.status, missed.body["code"]) == (404, "run-deleted")
    assert (await api("POST", "runs/a/restore", {})).body["deleted"] is False
    assert (await api("POST", "runs/a/restore", {})).status == 409


async def test_a_log_is_read_on_from_where_it_was_read_to(api, here):
    run = here.tracking.create_run("logs", "talks", tags={}, params={})
    journal = here.journals.open(run.id, run.artifact_uri)
    journal.write("stdout", "one\nhalf")
    first = (await api("GET", f"runs/{run.id}/logs/stdout")).body
    assert first == {"text": "one\nhalf", "start": 0, "next": 4, "n_bytes": 8}
    journal.write("stdout", " done\n")
    second = (await api("GET", f"runs/{run.id}/logs/stdout", offset=4)).body
    assert second == {"text": "half done\n", "start": 4, "next": 14, "n_bytes": 14}
    journal.close("FINISHED", "", time.time())
    last = (await api("GET", f"runs/{run.id}/logs/stdout", offset=14)).body
    assert (last["text"], last["next"]) == ("", 14)


async def test_a_run_is_reproduced_and_compared(api, jp_root_dir):
    (jp_root_dir / "train.py").write_text("import jupyter_mlops as ml\nml.log(loss=0.25)\n")
    first = (await api("POST", "runs", {"file": "train.py", "name": "first"})).body["id"]
    assert (await api("POST", f"runs/{first}/reproduce", {})).status == 409, "it has not ended"
    assert (await ended(api, first))["status"] == "FINISHED"

    found = (await api("GET", f"runs/{first}/restorable", environment="current")).body
    assert (found["way"], found["file"], found["possible"]) == ("script", "train.py", True)
    begun = await api("POST", f"runs/{first}/reproduce", {"rtol": 0.001, "environment": "current"})
    assert begun.status == 200
    ref = begun.body["id"]
    assert (await ended(api, ref))["status"] == "FINISHED"
    report = (await api("GET", f"runs/{ref}/reproduction")).body
    assert (report["same"], report["rtol"], report["original"]["id"]) == (True, 0.001, first)
    assert [one["verdict"] for one in report["metrics"]] == ["equal"]

    assert (await api("GET", f"runs/{first}/reproduction")).status == 409
    assert (await api("POST", f"runs/{first}/reproduce", {"rtol": 1.5})).status == 400
    assert (await api("POST", "runs/nothing/reproduce", {})).status == 404
    assert (await api("POST", f"runs/{first}/reproduce", {}, user="rita")).status == 403
