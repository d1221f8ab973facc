"""Who trains: each takes a work and starting parameters (R, P), and trains as one would with that library.

`train(epochs)` is what is timed: from the start, all R replicates. It returns the trained parameters (R, P).
Those that train one model at a time do so, with PyTorch on one thread, which is their best.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.works import Work
from boundary.nn.optimizers import SGD
from boundary.training import placement
from boundary.training.job import TrainingData, TrainingJob
from boundary.training.loop import Examples, Objective, Schedule

Train = Callable[[int], np.ndarray]


def module_of(work: Work, start: np.ndarray) -> nn.Sequential:
    """The network as a PyTorch module, from parameters (P,)."""
    layers: list[nn.Module] = []
    for o, i in work.network.shapes:
        layers += [nn.Linear(i, o), nn.ReLU()]
    module = nn.Sequential(*layers[:-1])
    nn.utils.vector_to_parameters(torch.from_numpy(start).float(), module.parameters())
    return module


def parameters_of(module: nn.Module) -> np.ndarray:
    """(P,)."""
    return nn.utils.parameters_to_vector(module.parameters()).detach().numpy()


def tensors_of(work: Work) -> tuple[torch.Tensor, torch.Tensor, nn.Module]:
    """x, y as its loss wants it, and the loss."""
    x, y = torch.from_numpy(work.x), torch.from_numpy(work.y)
    return (x, y.float()[:, None], nn.BCEWithLogitsLoss()) if work.classes == 2 else (x, y, nn.CrossEntropyLoss())


def plain_loop(work: Work, start: np.ndarray) -> Train:
    """The tutorial's loop."""
    x, y, loss_function = tensors_of(work)

    def train(epochs: int) -> np.ndarray:
        torch.set_num_threads(1)
        trained = []
        for replicate in start:
            model = module_of(work, replicate)
            optimizer = torch.optim.SGD(model.parameters(), lr=work.lr)
            for _ in range(epochs):
                model.train()
                order = torch.split(torch.randperm(len(x)), work.batch_rows) if work.shuffled else [slice(None)]
                for rows in order:
                    loss = loss_function(model(x[rows]), y[rows])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            trained.append(parameters_of(model))
        return np.stack(trained)

    return train


def scikit_learn(work: Work, start: np.ndarray) -> Train:
    """MLPClassifier without regularisation, momentum and early stopping, started warm from the given weights."""
    from sklearn.neural_network import MLPClassifier

    def given(replicate: np.ndarray) -> Any:
        model = MLPClassifier(
            work.hidden, solver="sgd", alpha=0.0, batch_size=work.batch_rows, learning_rate_init=work.lr, max_iter=1,
            shuffle=work.shuffled, tol=0.0, momentum=0.0, nesterovs_momentum=False, n_iter_no_change=10**9,
            warm_start=True, random_state=0,
        ).fit(work.x, work.y)  # fmt: skip
        begin = 0
        for n, (o, i) in enumerate(work.network.shapes):
            model.coefs_[n][...] = replicate[begin : begin + o * i].reshape(o, i).T
            model.intercepts_[n][...] = replicate[begin + o * i :][:o]
            begin += o * i + o
        return model

    def train(epochs: int) -> np.ndarray:
        trained = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            for replicate in start:
                model = given(replicate).set_params(max_iter=epochs).fit(work.x, work.y)
                layers = zip(model.coefs_, model.intercepts_, strict=True)
                trained.append(np.concatenate([part for w, b in layers for part in (w.T.ravel(), b)]))
        return np.stack(trained)

    return train


def lightning(work: Work, start: np.ndarray) -> Train:
    """PyTorch Lightning's Trainer, everything that can be switched off switched off."""
    import logging

    import lightning as L
    from torch.utils.data import DataLoader, TensorDataset

    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)

    x, y, loss_function = tensors_of(work)

    class Module(L.LightningModule):  # type: ignore[misc]
        def __init__(self, replicate: np.ndarray):
            super().__init__()
            self.model = module_of(work, replicate)

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            return loss_function(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=work.lr)

    def train(epochs: int) -> np.ndarray:
        torch.set_num_threads(1)
        trained = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for replicate in start:
                module = Module(replicate)
                trainer = L.Trainer(
                    accelerator="cpu", max_epochs=epochs, logger=False, enable_checkpointing=False,
                    enable_progress_bar=False, enable_model_summary=False, barebones=False,
                )  # fmt: skip
                trainer.fit(module, DataLoader(TensorDataset(x, y), work.batch_rows, shuffle=work.shuffled))
                trained.append(parameters_of(module.model))
        return np.stack(trained)

    return train


def skorch(work: Work, start: np.ndarray) -> Train:
    """skorch's NeuralNet, silent, without a validation split."""
    from skorch import NeuralNet

    x, y, loss_function = tensors_of(work)

    def train(epochs: int) -> np.ndarray:
        torch.set_num_threads(1)
        trained = []
        for replicate in start:
            net = NeuralNet(
                module_of(work, replicate), type(loss_function), optimizer=torch.optim.SGD, lr=work.lr,
                max_epochs=epochs, batch_size=work.batch_rows, iterator_train__shuffle=work.shuffled,
                train_split=None, callbacks="disable", verbose=0,
            )  # fmt: skip
            net.fit(x, y)
            trained.append(parameters_of(net.module_))
        return np.stack(trained)

    return train


def jax_vmap(work: Work, start: np.ndarray) -> Train:
    """JAX in float32: vmap over the replicates, scan over the epochs, all of it in one jit."""
    import jax
    import jax.numpy as jnp

    x, y = jnp.asarray(work.x), jnp.asarray(work.y)
    steps = len(work.x) // work.batch_rows

    def loss(parameters: Any, rows_x: Any, rows_y: Any) -> Any:
        h, begin = rows_x, 0
        for n, (o, i) in enumerate(work.network.shapes):
            weight, bias = parameters[begin : begin + o * i].reshape(o, i), parameters[begin + o * i :][:o]
            h, begin = (jax.nn.relu(h) if n else h) @ weight.T + bias, begin + o * i + o
        if work.classes == 2:
            z = h[:, 0]
            return (jnp.maximum(z, 0) - z * rows_y + jnp.log1p(jnp.exp(-jnp.abs(z)))).mean()
        return -jnp.take_along_axis(jax.nn.log_softmax(h), rows_y[:, None], axis=1).mean()

    def step(parameters: Any, rows: Any) -> tuple[Any, None]:
        return parameters - work.lr * jax.grad(loss)(parameters, x[rows], y[rows]), None

    def epoch(carried: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
        parameters, key = carried
        if not work.shuffled:
            return (parameters - work.lr * jax.grad(loss)(parameters, x, y), key), None
        key, drawn = jax.random.split(key)
        order = jax.random.permutation(drawn, len(work.x)).reshape(steps, work.batch_rows)
        return (jax.lax.scan(step, parameters, order)[0], key), None

    def train_one(parameters: Any, key: Any, epochs: int) -> Any:
        return jax.lax.scan(epoch, (parameters, key), None, length=epochs)[0][0]

    run = jax.jit(jax.vmap(train_one, in_axes=(0, 0, None)), static_argnums=2)
    keys = jax.random.split(jax.random.key(0), len(start))
    return lambda epochs: np.asarray(run(jnp.asarray(start, jnp.float32), keys, epochs))


def boundary(precision: str, compiled: bool, device: str = "cpu") -> Callable[[Work, np.ndarray], Train]:
    """This project, as its train stage does it, with the history's first and last epoch."""

    def prepare(work: Work, start: np.ndarray) -> Train:
        targets = work.y[None] if work.classes == 2 else np.eye(work.classes)[:, work.y]
        x, targets = np.ascontiguousarray(work.x.T), np.ascontiguousarray(targets, dtype=np.float32)
        examples, few = Examples.from_arrays(x, targets), Examples.from_arrays(x[:, :8].copy(), targets[:, :8].copy())
        goal = Objective.for_task("binary" if work.classes == 2 else "multiclass", None)
        steps = 10**12 if compiled else 1  # long work is compiled
        rows, count = work.batch_rows, len(start)
        plan = placement.plan_execution(torch.device(device), precision, work.network, rows, count, steps, len(few))
        drawn = torch.stack([torch.Generator().manual_seed(r).get_state() for r in range(len(start))])

        def train(epochs: int) -> np.ndarray:
            schedule = Schedule(epochs, batch_size=work.batch_rows, log_every=epochs)
            begun = torch.from_numpy(start)
            whole = TrainingJob(work.network, goal, SGD(work.lr), precision, device, schedule, begun, drawn, 0)
            return whole.run(TrainingData(examples, few), plan=plan)[0].numpy()

        return train

    return prepare


PLAIN, REFERENCE = "plain PyTorch loop", "boundary, exact"
ONE_AT_A_TIME = {
    PLAIN: plain_loop,
    "scikit-learn": scikit_learn,
    "PyTorch Lightning": lightning,
    "skorch": skorch,
}
ALL_AT_ONCE = {
    "JAX, float32": jax_vmap,
    REFERENCE: boundary("exact", compiled=False),
    "boundary, exact, compiled": boundary("exact", compiled=True),
    "boundary, fast": boundary("fast", compiled=False),
    "boundary, fast, compiled": boundary("fast", compiled=True),
}
