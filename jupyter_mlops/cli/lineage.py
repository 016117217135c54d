"""``mlops lineage``: where a model, a service or a run comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, get_args

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import Completer, model_names, run_names, service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Text, View, shows
from jupyter_mlops.cli.words import count, when
from jupyter_mlops.delivery.lineage import Lineage, Node
from jupyter_mlops.delivery.lineage import lineage as trace

Kind = Literal["model", "service", "run"]
_NAMES: Final[dict[str, Completer]] = {"model": model_names, "service": service_names, "run": run_names}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return _NAMES[ctx.params["kind"]](ctx, param, incomplete)


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.argument("name", shell_complete=_complete)
@json_option
@pass_session
def lineage(session: Session, kind: Kind, name: str) -> Lineage:
    """Show where a model, service or run comes from.

    Goes back to manifest, model, run, data, snapshot, git commit, environment and target.

    Example:
      mlops lineage service churn
      mlops lineage model churn:3 --json
    """
    return trace(session.world, kind, name)


@shows(Lineage)
def _view(found: Lineage) -> View:
    return [Text(body="\n".join(_lines(found)))]


def _lines(found: Lineage) -> Iterator[str]:
    """Draw the graph as a tree from its first node; a node that is reached again is only named."""
    nodes = {node.id: node for node in found.nodes}
    seen: set[str] = set()

    def branch(at: str, lead: str, relation: str) -> Iterator[str]:
        again = at in seen
        seen.add(at)
        yield f"{lead}{relation}{_named(nodes[at])}{' (see above)' if again else ''}"
        if not again:
            for link in found.links:
                if link.source == at:
                    yield from branch(link.target, lead + "  ", f"{link.relation} ")

    yield from branch(found.nodes[0].id, "", "")


def _named(node: Node) -> str:
    facts = node.facts
    said = ""
    if node.missing:
        said = "gone"
    elif node.kind == "run":
        said = f"{facts['name']}, {facts['status']}, {when(facts['started_at'])}"
    elif node.kind == "git":
        said = " ".join(filter(None, [facts["branch"], "with changes" if facts["dirty"] in {"True", "true"} else ""]))
    elif node.kind == "environment":
        return f"environment Python {facts['python']}, {count(len(facts['packages']), 'package')}"
    elif node.kind == "snapshot":
        said = f"{count(facts['n_files'], 'file')} of {facts['source']}"
    elif node.kind == "manifest":
        said = f"Python {facts['python']}, {count(len(facts['requirements']), 'package')}"
    elif node.kind == "service":
        said = f"{facts['state']}, {facts['url']}"
    elif node.kind == "dataset":
        said = " ".join(filter(None, [facts["context"], facts["source_type"]]))
    elif node.kind == "target":
        return f"target {facts['target']} on {facts['node']}"
    elif node.kind == "image":
        said = str(facts["image_id"])[:19]
    else:
        said = str(facts["flavor"])
    return f"{node.kind} {node.name}" + (f" ({said})" if said else "")
