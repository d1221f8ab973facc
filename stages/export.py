"""export: write each variant's model as ONNX, to be used without this project, and its model card."""

import argparse
from pathlib import Path

from boundary.artifacts import files
from boundary.config.load import open_params
from boundary.errors import FileError
from boundary.export import model_cards, onnx_graph
from boundary.models.model import load_model
from stages import _program


def main() -> None:
    """Write <variant>.onnx and <variant>.md for all variants that params.yaml names; other models are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--models", type=_program.source, required=True, help="folder of what train wrote")
    parser.add_argument("--details", type=_program.source, required=True, help="folder of what evaluate wrote")
    parser.add_argument("--exports", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    arguments.exports.mkdir(parents=True, exist_ok=True)
    with open_params(arguments.params, "datasets", "variants") as settings:
        for name, variant in settings.variants.items():
            path, details = arguments.models / f"{name}.safetensors", arguments.details / f"{name}.json"
            model, dataset = load_model(path), settings.datasets[variant.dataset]
            try:
                card = model_cards.card(name, variant, dataset, model, files.read_json(details))
            except (KeyError, TypeError):
                raise FileError(f"{details}: not what evaluate writes, run evaluate@{name} again") from None
            try:
                content = onnx_graph.onnx_bytes(model, name)
            except ValueError as error:
                raise FileError(f"{path}: {error}") from None
            files.write_bytes(arguments.exports / f"{name}.onnx", content)
            files.write_text(arguments.exports / f"{name}.md", card)


if __name__ == "__main__":
    _program.run(main)
