"""LitServe's server with its batching on."""

import os
import pickle
import sys
from pathlib import Path

import litserve
import numpy as np


class Bench(litserve.LitAPI):
    def setup(self, device):
        del device
        self.model = pickle.loads(Path(os.environ["BENCH_MODEL"]).read_bytes())

    def decode_request(self, request):
        return np.array(request["data"])

    def batch(self, inputs):
        self.lengths = [len(each) for each in inputs]
        return np.concatenate(inputs)

    def predict(self, rows):
        return self.model.predict(rows)

    def unbatch(self, output):
        return np.split(output, np.cumsum(self.lengths)[:-1])

    def encode_response(self, output):
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    api = Bench(max_batch_size=64, batch_timeout=0.001, api_path="/score")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, log_level="warning", generate_client_file=False
    )
