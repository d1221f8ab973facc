"""export: write each variant's model as ONNX, to be used without this project, and its model card."""

import argparse
from pathlib import Path

from boundary.artifacts import files
from boundary.config import params
from boundary.export import model_cards
from boundary.export import onnx_graph as graphs
from boundary.models import model as models
from stages import _program


def main() -> None:
    """Write <variant>.onnx and <variant>.md for all variants that params.yaml names; other models are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--models", type=_program.source, required=True, help="folder of what train wrote")
    parser.add_argument("--details", type=_program.source, required=True, help="folder of what evaluate wrote")
    parser.add_argument("--exports", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    settings = params.load(arguments.params)
    arguments.exports.mkdir(parents=True, exist_ok=True)
    for name, variant in settings.variants.items():
        model = models.load(arguments.models / f"{name}.safetensors")
        path = arguments.details / f"{name}.json"
        try:
            card = model_cards.card(name, variant, settings.datasets[variant.dataset], model, files.read_json(path))
        except (KeyError, TypeError):
            raise files.FileError(f"{path}: not what evaluate writes, run evaluate@{name} again") from None
        try:
            content = graphs.onnx_bytes(model, name)
        except ValueError as error:
            raise files.FileError(f"{arguments.models / name}.safetensors: {error}") from None
        files.write_bytes(arguments.exports / f"{name}.onnx", content)
        files.write_text(arguments.exports / f"{name}.md", card)
    params.must_still_say(arguments.params, settings, lambda now: (now.datasets, now.variants))


if __name__ == "__main__":
    _program.run(main, params.ParamsError)
