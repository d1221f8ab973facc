"""A trained model as an ONNX graph: raw columns in, the answers of all replicates together out.

Shapes: R replicates (those that did not diverge), N rows, F features, C classes (1 for a regression).
    inputs    one per column that the model uses: double (N,), nan where missing; or string (N,), "" where missing
    outputs   predicted (N,), probabilities (N, C) for classes only, disagreement (N,),
              see boundary/evaluation/ensembles.py; replicates (R, N, C): each one's probabilities or values
The weights are stacked (R, in, out), as matrix products of ONNX broadcast. They are kept in float32, and computed with
in double, so that ONNX's rounding adds next to nothing to the project's own.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from boundary.artifacts.schema import Categories, Numbers
from boundary.models.model import Model, without_diverged
from boundary.nn.activations import ACTIVATIONS

OPSETS = {"": 20, "ai.onnx.ml": 3}
IR_VERSION = 9


class _Graph:
    """Nodes and constants in the making; values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:
        """The name of a node's one output."""
        name = name or f"node_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **attributes))
        return name

    def constant(self, value: Any, dtype: Any = None) -> str:
        """The name of a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def double_constant(self, value: float) -> str:
        """The name of a constant in float64."""
        return self.constant(value, np.float64)

    def add_float32(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node that works in float32, between casts."""
        return self.double(self.add(operator, *map(self.single, inputs), **attributes))

    def double(self, name: str) -> str:
        """In float64."""
        return self.add("Cast", name, to=TensorProto.DOUBLE)

    def single(self, *names: str, name: str = "") -> str:
        """In float32."""
        return self.add("Cast", *names, name=name, to=TensorProto.FLOAT)


def onnx_bytes(model: Model, name: str) -> bytes:
    """The model as an ONNX file holds it; the same model gives the same bytes.

    Raises ValueError where every replicate diverged.
    """
    model = without_diverged(model)
    graph = _Graph()
    columns: list[Numbers | Categories | str] = list(model.schema.features)
    if model.schema.preprocessing is not None:
        columns = list(model.schema.preprocessing.columns)
    features, order = _features(graph, model, columns)
    outputs = _answers(graph, model, _logits(graph, model, features, order))
    made = helper.make_graph(
        graph.nodes, name, [_input(column) for column in columns], outputs, initializer=graph.constants
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    proto = helper.make_model(made, producer_name="boundary", opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def _input(column: Numbers | Categories | str) -> Any:
    if isinstance(column, Categories):
        return helper.make_tensor_value_info(column.name, TensorProto.STRING, ["rows"])
    name = column if isinstance(column, str) else column.name
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows"])


def _features(graph: _Graph, model: Model, columns: list[Numbers | Categories | str]) -> tuple[str, list[str]]:
    """Features (N, F) in double, and their names in that order: numbers first."""
    numbers = [column for column in columns if not isinstance(column, Categories)]
    names = [column if isinstance(column, str) else column.name for column in numbers]
    second = graph.constant([1], np.int64)
    blocks = []
    if numbers:
        x = graph.add("Concat", *(graph.add("Unsqueeze", name, second) for name in names), axis=1)
        if model.schema.preprocessing is not None:
            fill, mean, scale = (
                graph.constant([getattr(column, key) for column in numbers], np.float64)
                for key in ("fill", "mean", "scale")
            )
            x = graph.add("Where", graph.add("IsNaN", x), fill, x)
            x = graph.add("Div", graph.add("Sub", x, mean), scale)
        blocks.append(graph.double(graph.single(x)))  # rounded as in training
    for column in columns:
        if isinstance(column, Categories):
            names += column.features
            blocks.append(graph.double(_one_hot(graph, column, model, second)))
    return graph.add("Concat", *blocks, axis=1), names


def _one_hot(graph: _Graph, column: Categories, model: Model, second: str) -> str:
    """(N, categories): 1 where a word stands. Words that mean missing are the missing word's."""
    places = {word or "": k for k, word in enumerate(column.categories)}
    missing = model.schema.preprocessing.missing if model.schema.preprocessing else ()
    places |= {word: places.get("", -1) for word in missing}
    place = graph.add(
        "LabelEncoder",
        column.name,
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=-1,
    )
    each = graph.constant(np.arange(len(column.categories)), np.int64)
    return graph.add("Equal", graph.add("Unsqueeze", place, second), each)


def _logits(graph: _Graph, model: Model, features: str, order: list[str]) -> str:
    """(R, N, outputs); the first layer's weights take the features in that order."""
    h = features
    layers = model.network.layers(model.parameters)
    for n, (weight, bias) in enumerate(layers):
        w = weight.numpy().transpose(0, 2, 1)  # (R, in, out)
        if n == 0:
            w = w[:, [model.schema.features.index(name) for name in order]]
        else:
            h = ACTIVATIONS[model.network.activation].onnx(graph, h)
        h = graph.add("MatMul", h, graph.double(graph.constant(w)))
        h = graph.add("Add", h, graph.double(graph.constant(bias.numpy().transpose(0, 2, 1))))
    return h


def _answers(graph: _Graph, model: Model, logits: str) -> list[Any]:
    """The outputs, from logits (R, N, outputs)."""
    replicates, classes = len(model.parameters), len(model.schema.classes)
    first = graph.constant([0], np.int64)
    kinds: dict[str, tuple[int, list[int | str]]]
    if model.schema.task == "regression":
        each = logits
        mean = graph.add("ReduceMean", each, first, keepdims=0)
        apart = graph.add("ReduceSumSquare", graph.add("Sub", each, mean), first, keepdims=0)
        spread = graph.add("Sqrt", graph.add("Div", apart, graph.constant(max(1, replicates - 1), np.float64)))
        last = graph.constant([-1], np.int64)
        graph.single(graph.add("Squeeze", mean, last), name="predicted")
        graph.single(graph.add("Squeeze", spread, last), name="disagreement")
        kinds = {"predicted": (TensorProto.FLOAT, ["rows"])}
    else:
        if model.schema.task == "binary":
            sides = (graph.add("Sigmoid", graph.add("Neg", logits)), graph.add("Sigmoid", logits))
            each = graph.add("Concat", *sides, axis=2)
        else:
            each = graph.add("Softmax", logits, axis=2)
        mean = graph.add("ReduceMean", each, first, keepdims=0)
        graph.single(mean, name="probabilities")
        chosen = graph.add("ArgMax", mean, axis=1, keepdims=0)
        labels = _labels(model)
        graph.add("Gather", graph.constant(labels), chosen, name="predicted")
        same = graph.add("Equal", graph.add("ArgMax", each, axis=2, keepdims=0), chosen)
        graph.add("ReduceMean", graph.single(graph.add("Not", same)), first, keepdims=0, name="disagreement")
        kinds = {
            "predicted": (helper.np_dtype_to_tensor_dtype(labels.dtype), ["rows"]),
            "probabilities": (TensorProto.FLOAT, ["rows", classes]),
        }
    graph.single(each, name="replicates")
    kinds["disagreement"] = (TensorProto.FLOAT, ["rows"])
    kinds["replicates"] = (TensorProto.FLOAT, [replicates, "rows", max(1, classes)])
    return [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in kinds.items()]


def _labels(model: Model) -> np.ndarray:
    """The classes: words as objects, as ONNX takes them, numbers, or true and false."""
    labels = np.array(model.schema.classes)
    return labels.astype(object) if labels.dtype.kind == "U" else labels
