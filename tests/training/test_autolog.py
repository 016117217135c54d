"""Autologging of real libraries in a tracked cell, in a real kernel."""

from __future__ import annotations

import pytest

from jupyter_mlops.training.runs import show_run

DATA = (
    "import numpy as np\n"
    "rng = np.random.default_rng(0)\n"
    "X = rng.normal(size=(200, 4)).astype('float32'); y = (X[:, 0] > 0).astype('int64')\n"
)
LIGHTGBM = (
    "import lightgbm as lgb\n"
    "data = lgb.Dataset(X, y)\n"
    "lgb.train({'objective': 'binary', 'verbose': -1, 'num_leaves': 7}, data, 12,\n"
    "          valid_sets=[data], valid_names=['train'])"
)
XGBOOST = (
    "import xgboost as xgb\n"
    "data = xgb.DMatrix(X, y)\n"
    "xgb.train({'objective': 'binary:logistic', 'max_depth': 3}, data, 12, evals=[(data, 'train')])"
)
KERAS = (
    "import keras\n"
    "model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation='sigmoid')])\n"
    "model.compile(loss='binary_crossentropy')\n"
    "model.fit(X, y, epochs=12, verbose=0)"
)
LIGHTNING = (
    "import lightning, torch\n"
    "class Model(lightning.LightningModule):\n"
    "    def __init__(self):\n"
    "        super().__init__(); self.layer = torch.nn.Linear(4, 2)\n"
    "    def training_step(self, batch, _):\n"
    "        loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])\n"
    "        self.log('loss', loss, on_epoch=True); return loss\n"
    "    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 0.1)\n"
    "data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))\n"
    "loader = torch.utils.data.DataLoader(data, 50)\n"
    "lightning.Trainer(max_epochs=12, accelerator='cpu', enable_progress_bar=False, logger=False).fit(Model(), loader)"
)


def test_scikit_learn_logs_parameters_metrics_model_and_data(kernel, world):
    reply = kernel.run(
        f"%%ml run -n sk --autolog\n{DATA}from sklearn.linear_model import LogisticRegression\n"
        "LogisticRegression(C=0.25).fit(X, y);"
    )
    assert reply.status == "ok", reply.traceback
    detail = show_run(world, "sk")
    assert detail.run.params["C"] == "0.25"
    assert detail.run.metrics["training_accuracy_score"] > 0.9
    assert world.tracking.logged_models(detail.run.id)
    assert [one.context for one in world.tracking.datasets(detail.run.id)] == ["train"]


@pytest.mark.parametrize(
    "library",
    [
        ("lightgbm", LIGHTGBM, "train-binary_logloss", "num_leaves"),
        ("xgboost", XGBOOST, "train-logloss", "max_depth"),
        ("keras", KERAS, "loss", "epochs"),
        ("lightning", LIGHTNING, "loss_epoch", "epochs"),
    ],
    ids=lambda library: library[0],
)
def test_a_library_that_trains_in_rounds_logs_each_of_them_in_order(kernel, world, library):
    package, code, metric, param = library
    pytest.importorskip(package, reason=f"{package} is not installed")
    reply = kernel.run(f"%%ml run -n {package} --autolog\n{DATA}{code};", timeout_s=120)
    assert reply.status == "ok", reply.traceback
    run = world.tracking.run(package)
    assert param in run.params
    points = world.tracking.history(run.id, metric)
    steps = [point.step for point in points]
    assert len(steps) == 12
    assert steps == sorted(steps)
    assert points[-1].value < points[0].value
    assert run.metrics[metric] == points[-1].value


def test_models_in_children_log_to_the_child_that_they_are_fitted_in(kernel, world):
    reply = kernel.run(
        f"%%ml run -n folds --autolog\nimport jupyter_mlops as ml\n{DATA}"
        "from sklearn.linear_model import Ridge\n"
        "for alpha in (1, 2):\n    with ml.child(f'alpha={alpha}'):\n        Ridge(alpha=alpha).fit(X, y)\n"
    )
    assert reply.status == "ok", reply.traceback
    run = world.tracking.run("folds")
    children = world.tracking.children(run.id)
    assert {one.name: one.params["alpha"] for one in children} == {"alpha=1": "1", "alpha=2": "2"}
    assert "alpha" not in run.params


def test_what_the_user_had_turned_on_is_on_again_after_the_cell(kernel):
    kernel.run("import mlflow\nmlflow.sklearn.autolog(log_models=False, max_tuning_runs=3, silent=True)")
    kernel.run("%%ml run --autolog\npass")
    reply = kernel.run(
        "from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS as on\n"
        "print(on['sklearn']['disable'], on['sklearn']['log_models'], on['sklearn']['max_tuning_runs'])\n"
        "mlflow.sklearn.autolog(disable=True, silent=True)"
    )
    assert reply.stdout.strip() == "False False 3"
