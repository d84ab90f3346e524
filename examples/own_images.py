"""Warm start on your own images: a folder per class in, a network out. ``python examples/own_images.py``

On the command line: ``warmnas search --data digits/ --budget 3 --epochs 3 --out found``. The first training is the ResNet
cell; the next ones are chosen by what earlier tasks have shown, so even three are worth something.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from warmnas.search.live import Parts, Settings, load_run, search_images


def write_images(folder: Path) -> Path:
    """What you have already: a folder per class. Here the handwritten digits that come with scikit-learn."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        (folder / f"digit {label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype(np.uint8)).save(folder / f"digit {label}" / f"{number}.png")
    return folder


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        # The folder's name is the family: measurements of a task called digits are no sources, for they would be cheating.
        images, out = write_images(Path(place) / "digits"), Path(place) / "found"
        settings = Settings(str(images), budget=3, epochs=3, batch=64, workers=1, device="cpu")
        # A store of its own: without it the search adds to yours, and the next search knows more.
        parts = Parts(store=Path(place) / "store.db", exports=["onnx"])
        found = search_images(settings, out, "examples/own_images.py", parts)

        print(f"Learned from {len(found['sources'])} earlier tasks, such as {found['sources'][0]['name']}")
        for row in found["rows"]:
            print(f"   {row['validation']:.1f} % on validation: {row['architecture']}")
        print("Exported:", ", ".join(sorted(path.name for path in out.iterdir())))

        model = load_run(out)  # takes images as they stand in your folder
        image = next((images / "digit 3").iterdir())
        with torch.no_grad():
            logits = model(torch.from_numpy(np.array(Image.open(image)))[None, :, :, None])
        print(f"{image.parent.name} is taken for {found['task']['classes'][int(logits.argmax())]}")
        print(f"Best cell, retrained: {found['found']['test']:.1f} % on {found['test']['images']} test images")


if __name__ == "__main__":  # its workers are processes that import this file
    main()
