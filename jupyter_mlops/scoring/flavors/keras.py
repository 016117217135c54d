"""Keras models, and TensorFlow's SavedModels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_mlops.core.manifest import Tensor
from jupyter_mlops.scoring.flavors.opened import Opened, text
from jupyter_mlops.scoring.mlmodel import Settings
from jupyter_mlops.scoring.processors import n_threads


def model_file(folder: Path, settings: Settings) -> Path:
    """Return the file, or the folder of a SavedModel, below MLflow's folder of a model."""
    if settings.get("saved_model_dir"):
        return folder / text(settings, "saved_model_dir")
    data = folder / text(settings, "data", "model")
    if data.is_dir() and not (data / "saved_model.pb").is_file():
        data /= "model"
    found = [
        data.with_name(data.name + end) for end in (".keras", ".h5", "") if data.with_name(data.name + end).exists()
    ]
    return found[0] if found else data


def open_keras(file: Path, settings: Settings) -> Opened:
    """Open a Keras model, or a SavedModel."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(n_threads()))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    backend = text(settings, "keras_backend")
    if backend:
        os.environ.setdefault("KERAS_BACKEND", backend)
    return _saved(file) if file.is_dir() else _keras(file)


def _keras(file: Path) -> Opened:
    import keras

    model = keras.saving.load_model(file, compile=False)

    def predict(given: Any) -> Any:
        if isinstance(given, dict) and len(given) == 1:
            (given,) = given.values()
        return _arrays(model.predict_on_batch(given))  # predict() would start a data pipeline for each batch

    inputs = [
        Tensor(name=each.name, dtype=str(each.dtype), shape=[-1 if n is None else n for n in each.shape])
        for each in model.inputs
    ]
    return Opened(
        predict=predict,
        said=f"a Keras {type(model).__name__}",
        dtype=inputs[0].dtype,
        tensors=inputs,
        separate=len(inputs) > 1,
    )


def _saved(folder: Path) -> Opened:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    call = loaded.signatures.get("serving_default") if hasattr(loaded, "signatures") else None
    if call is None:
        return Opened(predict=lambda given: _arrays(loaded(tf.constant(given))), said="a SavedModel", dtype="float32")
    specs = call.structured_input_signature[1]
    inputs = [
        Tensor(name=name, dtype=each.dtype.name, shape=[-1 if n is None else n for n in each.shape])
        for name, each in sorted(specs.items())
    ]

    def predict(given: Any) -> Any:
        feed = given if isinstance(given, dict) else {inputs[0].name: given}
        if len(inputs) == 1:
            feed = dict(zip([inputs[0].name], feed.values(), strict=True))
        found = call(**{name: tf.constant(np.asarray(array), specs[name].dtype) for name, array in feed.items()})
        plain = {name: _arrays(each) for name, each in found.items()}
        return next(iter(plain.values())) if len(plain) == 1 else plain

    return Opened(predict=predict, said="a SavedModel", dtype=inputs[0].dtype, tensors=inputs, separate=len(inputs) > 1)


def _arrays(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _arrays(each) for name, each in found.items()}
    if isinstance(found, (list, tuple)):
        return {str(at): _arrays(each) for at, each in enumerate(found)}
    return found.numpy() if hasattr(found, "numpy") else found
