"""The command line, which is also the magics' command tree.

``tree`` is the tree, ``invoke`` runs one command line of it and returns its record, ``main`` is the console script.
"""

from jupyter_mlops.cli.process import main
from jupyter_mlops.cli.root import tree
from jupyter_mlops.cli.session import Session, invoke

__all__ = ["Session", "invoke", "main", "tree"]
