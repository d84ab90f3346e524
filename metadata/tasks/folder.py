"""A folder with a folder of images per class, or such folders below ``train``, ``val`` and ``test``.

Colours are kept where any image has them. Images of one size keep it; where sizes differ and no resolution is asked for,
all become 32 x 32. Files whose names do not end like an image's, and hidden ones, are passed over.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ...bench.errors import CorruptFile, WarmnasError
from ...wording import one_line
from .keys import DIGEST
from .pixels import resized
from .source import FREE, TEST, THUMB, TRAIN, VAL, Source
from .task import UInt8

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".tif", ".tiff"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")  # no format whose reader starts another program
PARTS = {"train": TRAIN, "training": TRAIN, "val": VAL, "valid": VAL, "validation": VAL, "test": TEST, "testing": TEST}
MOST_PIXELS = 2**27
DEFAULT_SIDE = 32
MOST_LOST = 0.05  # share of images that may be unreadable where that is allowed
LARGE = 256  # photographs are first reduced to between this and twice this by a whole number
GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "F")


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def listing(root: Path) -> list[tuple[Path, str, int]]:
    """File, class and part of every image, sorted; WarmnasError where a class has none."""
    below = _folders(root)
    given = [folder for folder in below if folder.name.lower() in PARTS]
    if given and len(given) != len(below):
        strange = next(folder.name for folder in below if folder not in given)
        raise WarmnasError(f"{root}: '{strange}' is beside '{given[0].name}'; only train, val and test may be there")
    found = []
    for folder, part in [(folder, PARTS[folder.name.lower()]) for folder in given] or [(root, FREE)]:
        for label in _folders(folder):
            images = sorted(f for f in label.iterdir() if f.suffix.lower() in ENDINGS and not f.name.startswith("."))
            if not images:
                raise WarmnasError(f"{label}: no images in this class (known endings: {' '.join(sorted(ENDINGS))})")
            found += [(image, label.name, part) for image in images]
    if not found:
        raise WarmnasError(f"{root}: no folders of images, one per class, in it")
    if given and TRAIN not in {part for *_, part in found}:
        raise WarmnasError(f"{root}: '{given[0].name}' without 'train'")
    return found


def _open(path: Path) -> Image.Image:
    """A decoded picture, turned as its camera says; an error that names the file where it is none."""
    if path.stat().st_size == 0:
        raise CorruptFile(f"{path}: an empty file, no image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as file:
                if file.width * file.height > MOST_PIXELS:
                    raise CorruptFile(f"{path}: {file.width} x {file.height} pixels are too many")
                file.load()
                return ImageOps.exif_transpose(file)
    except CorruptFile:
        raise
    except Exception as error:  # a decoder may raise anything
        raise CorruptFile(f"{path}: not a readable image: {one_line(error, 200)}") from error


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """In 8 bits, grey or RGB; 16 bits are divided, which Pillow's own conversion does not do."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        image = Image.fromarray((np.clip(values, 0, 65535) >> (8 if values.max() > 255 else 0)).astype(np.uint8))
    return image.convert(mode)


def _resize(image: Image.Image, side: int) -> UInt8:
    whole = min(image.size) // max(LARGE, side)
    pixels = _array(image.reduce(whole) if whole > 1 else image)  # fast, and exact but for the last row and column
    small: UInt8 = resized(pixels[None], side)[0]
    return small


def _array(image: Image.Image) -> UInt8:
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _readable(files: list[Path]) -> list[bool]:
    """Which of the files can be decoded to the end."""

    def whole(path: Path) -> bool:
        try:
            _open(path)
        except CorruptFile:
            return False
        return True

    return [whole(path) for path in files]


def _left_out(root: Path, found: list[tuple[Path, str, int]]) -> tuple[list[tuple[Path, str, int]], str]:
    """The listing without what cannot be read, and a note that says so; CorruptFile where that is more than a few."""
    readable = _readable([file for file, *_ in found])
    lost = [file for (file, *_), fine in zip(found, readable, strict=True) if not fine]
    kept = [entry for entry, fine in zip(found, readable, strict=True) if fine]
    if len(lost) > max(1, MOST_LOST * len(found)):
        raise CorruptFile(f"{root}: {len(lost)} of {len(found)} images are not readable, for example {lost[0]}")
    if {label for _, label, _ in kept} != {label for _, label, _ in found}:
        raise CorruptFile(f"{lost[0]}: not a readable image, and its class has no other")
    images = "1 image is" if len(lost) == 1 else f"{len(lost)} images are"
    others = " and others" if len(lost) > 1 else ""
    return kept, f"{images} not readable and left out: {lost[0]}{others}."


def _sizes(files: list[Path]) -> tuple[set[tuple[int, int]], str]:
    """All sizes, and L or RGB, from the images' heads."""
    sizes, modes = set(), set()
    for path in files:
        if path.stat().st_size == 0:
            raise CorruptFile(f"{path}: an empty file, no image")
        try:
            with Image.open(path, formats=FORMATS) as image:
                turned = image.getexif().get(0x0112, 1) >= 5
                sizes.add(image.size[::-1] if turned else image.size)
                modes.add(image.mode)
        except Exception as error:
            raise CorruptFile(f"{path}: not a readable image: {one_line(error, 200)}") from error
    return sizes, "L" if modes <= set(GREY) else "RGB"


def _read(files: list[Path], mode: str, side: int | None) -> Iterator[tuple[UInt8, bytes, UInt8]]:
    """Image, hash of its own pixels and small copy of each file."""
    for path in files:
        image = _converted(_open(path), mode)
        content = hashlib.blake2b(f"{image.size}{mode}".encode() + image.tobytes(), digest_size=DIGEST).digest()
        yield _array(image) if side is None else _resize(image, side), content, _resize(image, THUMB)


def read_folder(root: Path, resolution: int | None, lenient: bool = False) -> Source:
    """The set of a folder; WarmnasError or CorruptFile naming the file or the class where it is not one.

    ``lenient`` leaves out a few images that cannot be read, and a note says so.
    """
    found = listing(root)
    try:
        return _listed(root, found, resolution)
    except CorruptFile:
        if not lenient:
            raise
    kept, note = _left_out(root, found)
    files = {file for file, *_ in kept}
    lost = {place: _below(root, file) for place, (file, *_) in enumerate(found) if file not in files}
    return replace(_listed(root, kept, resolution, (note,)), left_out=lost)


def _below(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _listed(root: Path, found: list[tuple[Path, str, int]], resolution: int | None, notes: tuple[str, ...] = ()) -> Source:
    files = [file for file, *_ in found]
    sizes, mode = _sizes(files)
    mixed = len(sizes) > 1
    side = resolution or (DEFAULT_SIDE if mixed else None)
    notes += (f"Images of {len(sizes)} sizes became {side} x {side}.",) if mixed and resolution is None else ()
    images, contents, thumbs = zip(*_read(files, mode, side), strict=True)
    classes = sorted({label for _, label, _ in found})
    return Source(
        where=str(root),
        images=np.stack(images),
        labels=np.array([classes.index(label) for _, label, _ in found], np.int64),
        classes=tuple(classes),
        part=np.array([part for *_, part in found], np.int8),
        digests=contents,
        thumbs=np.stack(thumbs).astype(np.float32),
        files=tuple(_below(root, file) for file in files),
        notes=notes,
    )
