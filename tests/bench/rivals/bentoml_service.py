"""BentoML's service with its batching on."""

import os
import pickle
from pathlib import Path

import bentoml
import numpy as np


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Bench:
    def __init__(self) -> None:
        self.model = pickle.loads(Path(os.environ["BENCH_MODEL"]).read_bytes())

    @bentoml.api(route="/score", batchable=True, max_batch_size=256, max_latency_ms=1000)
    def score(self, data: np.ndarray) -> np.ndarray:
        return self.model.predict(data)
