"""What a person writes by hand: FastAPI with a typed body and a key."""

import hmac
import os
import pickle
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, create_model

model = pickle.loads(Path(os.environ["BENCH_MODEL"]).read_bytes())
names = [f"f{at}" for at in range(model.n_features_in_)]
KEY = os.environ["BENCH_KEY"]
Row = create_model("Row", **dict.fromkeys(names, (float, ...)))
app = FastAPI()


class Body(BaseModel):
    data: list[Row]


@app.post("/score")
async def score(body: Body, x_api_key: Annotated[str, Header()]):
    if not hmac.compare_digest(x_api_key, KEY):
        raise HTTPException(401)
    rows = np.array([[getattr(row, name) for name in names] for row in body.data])
    return {"predictions": model.predict(rows).tolist()}
