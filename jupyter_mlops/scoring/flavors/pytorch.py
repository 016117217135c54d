"""PyTorch: whole modules, TorchScript, and programs of ``torch.export``."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_mlops.scoring.flavors.opened import Opened, Unusable
from jupyter_mlops.scoring.processors import n_threads


def model_file(folder: Path) -> Path:
    """Return the file in MLflow's folder of a model's data, or what is no folder."""
    if not folder.is_dir():
        return folder
    found = folder / "model.pth"
    return found if found.exists() else folder / "model.pt2"


def open_pytorch(file: Path) -> Opened:
    """Open a module and move it to the GPU, if there is one. Raises ``Unusable`` for weights without a module."""
    import torch

    torch.set_num_threads(n_threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    module, said = _module(torch, file, device)

    floats = next((each.dtype for each in module.parameters() if each.is_floating_point()), torch.float32)

    def tensor(array: Any) -> Any:
        made = torch.from_numpy(np.ascontiguousarray(array))
        return made.to(device, floats if made.is_floating_point() else made.dtype)

    def predict(given: Any) -> Any:
        with torch.inference_mode():
            if isinstance(given, dict):
                single = len(given) == 1
                found = (
                    module(*map(tensor, given.values()))
                    if single
                    else module(**{k: tensor(v) for k, v in given.items()})
                )
            else:
                found = module(tensor(given))
        return _arrays(found)

    return Opened(predict=predict, said=f"{said} on {device}", dtype="float32")  # as MLflow gives tables


def _module(torch: Any, file: Path, device: str) -> tuple[Any, str]:
    if file.suffix == ".pt2":
        return torch.export.load(file).module(), "a torch.export program"
    if _is_script(file):
        return torch.jit.load(str(file), map_location=device).eval(), "a TorchScript module"
    # Whole modules are pickles; their digest is pinned by a manifest that a person made.
    module = torch.load(file, map_location=device, weights_only=False, pickle_module=pickle)
    if not isinstance(module, torch.nn.Module):
        raise Unusable(
            f"The file {file.name!r} holds a {type(module).__name__} and no module: weights alone cannot be scored with.",
            hint="Save the model with torch.jit.script(model).save(FILE), torch.export.save, or MLflow's log_model.",
        )
    return module.eval(), f"a {type(module).__name__}"


def _is_script(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _arrays(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _arrays(each) for name, each in found.items()}
    if isinstance(found, (list, tuple)):
        return {str(at): _arrays(each) for at, each in enumerate(found)}
    return found.cpu().numpy() if hasattr(found, "cpu") else found
