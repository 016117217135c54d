"""Which models never see a DataFrame: their images do without pandas, which MLflow lists for every model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

from jupyter_mlops.core.manifest import Schema

PANDAS: Final = "pandas"


def needs_frames(folder: Path, sklearn: Mapping[str, Any], schema: Schema) -> bool:
    """Tell whether a scikit-learn model may need DataFrames. A skops file alone can be asked: no code of it runs.

    ``sklearn`` is what its MLmodel says of that flavor. The file holds no types that need trust.
    """
    if sklearn.get("serialization_format") != "skops" or sklearn.get("code"):
        return True
    try:
        import skops.io

        from jupyter_mlops.scoring.estimators import array_dtype

        model = skops.io.load(folder / str(sklearn.get("pickled_model") or "model.pkl"), trusted=[])
        parts = [model, *(part for part in model.get_params(deep=True).values() if hasattr(part, "fit"))]
        if any(getattr(part, "_sklearn_output_config", None) for part in parts):  # `set_output(transform="pandas")`
            return True
        return array_dtype(model, schema) is None
    except Exception:  # noqa: BLE001  # what cannot be loaded here tells nothing; a replica says what is wrong with it
        return True


def without_pandas(requirements: Iterable[str]) -> list[str]:
    """Return the requirements less pandas."""
    return [text for text in requirements if Requirement(text).name.lower() != PANDAS]
