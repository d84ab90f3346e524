"""NAS-Bench-101's record file: frames, checksums, messages and what becomes of them."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import space
from warmnas.bench.readers import import_file
from warmnas.bench.readers.nasbench101_file import decode
from warmnas.bench.spaces.nasbench101 import NASBench101Space
from warmnas.bench.tfrecord import batches, crc32c, masked


def slow_crc(data: bytes) -> int:
    """CRC-32C bit by bit, from its definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    head = struct.pack("<Q", len(record))

    def mask(data: bytes) -> bytes:
        crc = slow_crc(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    return head + mask(head) + record + mask(record)


def evaluation(values: tuple[float, ...], checkpoint: str = "") -> bytes:
    """An EvaluationData message: five doubles, and perhaps a text."""
    doubles = b"".join(bytes([i << 3 | 1]) + struct.pack("<d", v) for i, v in enumerate(values, 1))
    text = checkpoint.encode()
    return doubles + (bytes([6 << 3 | 2, len(text)]) + text if text else b"")


def metrics(epochs: int, values: tuple[float, ...], params: int = 300, checkpoint: str = "") -> bytes:
    """A ModelMetrics message: three evaluations, parameters, total time."""
    half, final = values[:4], values[4:]
    parts = [evaluation((0, 0, 0.1, 0.1, 0.1)), evaluation((epochs / 2, *half), checkpoint), evaluation((epochs, *final))]
    message = b"".join(bytes([1 << 3 | 2, len(part)]) + part for part in parts)
    number = b""
    while params > 0x7F:
        number, params = number + bytes([params & 0x7F | 0x80]), params >> 7
    return message + bytes([2 << 3]) + number + bytes([params]) + bytes([3 << 3 | 1]) + struct.pack("<d", 9.0)


def record(hashed: str, epochs: int, matrix: str, operations: str, values: tuple[float, ...], **more: object) -> bytes:
    encoded = base64.b64encode(metrics(epochs, values, **more)).decode()  # type: ignore[arg-type]
    return json.dumps([hashed, epochs, matrix, operations, encoded]).encode()


def modules(n: int) -> list[tuple[str, str, str]]:
    """Hash, matrix and operations of some modules, as the file has them."""
    cells = space("nasbench101")
    assert isinstance(cells, NASBench101Space)
    found = []
    for genotype in cells.sample(n, np.random.default_rng(1)):
        edges = cells.edges(genotype[None])[0].astype(int)
        names = [cells.genes[21 + i].choices[g] for i, g in enumerate(genotype[21:])]
        text = "".join(map(str, edges.ravel()))
        found.append((cells.module_hash(genotype), text, ",".join(["input", *names, "output"])))
    return found


def values_of(seed: int) -> tuple[float, ...]:
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.uniform(100, 2000, 2))
    half, final = rng.uniform(0.1, 1, (2, 3))
    return (seconds[0], *half, seconds[1], *final)


def write(path: Path, records: list[bytes]) -> Path:
    path.write_bytes(b"".join(map(frame, records)))
    return path


@pytest.fixture
def full(tmp_path):
    """Four modules x four schedules x three repeats, repeats apart from each other as in the genuine file."""
    known = {}
    records: list[bytes] = []
    for repeat in range(3):
        for number, (hashed, matrix, operations) in enumerate(modules(4)):
            for epochs in (4, 12, 36, 108):
                values = values_of(len(records))
                known[number, epochs, repeat] = values
                records.append(record(hashed, epochs, matrix, operations, values))
    return write(tmp_path / "nasbench_full.tfrecord", records), known


def test_every_training_has_its_place(full):
    path, known = full
    table = import_file(path, "nasbench101").table
    assert table.schedules == (4, 12, 36, 108)
    assert table.data.sizes["seed"] == 3
    for (row, epochs, repeat), values in known.items():
        answer = table.query("cifar10", table.names[row], epochs)["values"]
        half, final = values[:4], values[4:]
        for split, place in (("train", 1), ("val", 2), ("test", 3)):
            curve = answer[split][str(repeat)]
            expected = {str(epochs // 2): 100 * half[place], str(epochs): 100 * final[place]}
            assert curve == pytest.approx(expected, rel=1e-6), (epochs, split)
    for epochs in (4, 12, 36, 108):
        seconds = table.training_seconds("cifar10", epochs)
        assert seconds is not None
        expected_seconds = [np.mean([known[row, epochs, r][4] for r in range(3)]) for row in range(4)]
        assert seconds == pytest.approx(expected_seconds, rel=1e-6)


def test_the_default_is_108_epochs_and_not_a_curve_of_four_trainings(full):
    """NASLib strings 4, 12, 36 and 108 epochs together to a curve of 88."""
    path, known = full
    table = import_file(path, "nasbench101").table
    expected = [100 * np.mean([known[row, 108, r][6] for r in range(3)]) for row in range(4)]
    assert table.values("cifar10") == pytest.approx(expected, rel=1e-6)
    assert table.query("cifar10", table.names[0])["schedule"] == 108
    assert list(table.query("cifar10", table.names[0])["values"]["val"]["0"]) == ["54", "108"]


def test_the_same_question_has_the_same_answer(full):
    """nasbench issue 23: a random repeat per call."""
    table = import_file(full[0], "nasbench101").table
    assert table.query("cifar10", table.names[1]) == table.query("cifar10", table.names[1])


def test_the_small_file_has_one_schedule(tmp_path):
    hashed, matrix, operations = modules(1)[0]
    path = write(
        tmp_path / "x.tfrecord", [record(hashed, 108, matrix, operations, values_of(3), checkpoint="/x/model.ckpt-1")]
    )
    table = import_file(path, "nasbench101").table
    assert table.schedules == (108,)
    assert np.isnan(table.seed_values("cifar10")[0]).tolist() == [False, True, True]
    assert table.data["params"].values.tolist() == [[300.0]]


def test_a_small_module_is_read_as_it_stands(tmp_path):
    cells = space("nasbench101")
    assert isinstance(cells, NASBench101Space)
    genotype = cells.from_string("11.1|conv3x3-bn-relu")
    path = write(
        tmp_path / "x.tfrecord",
        [record(cells.module_hash(genotype), 108, "011001000", "input,conv3x3-bn-relu,output", values_of(0))],
    )
    assert (import_file(path, "nasbench101").table.genotypes[0] == genotype).all()


HASHED, GOOD, LABELS = modules(1)[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([HASHED, 5, GOOD, LABELS, ""], "5 epochs"),
        ([HASHED, 108, GOOD[:-1], LABELS, None], "graph"),
        ([HASHED, 108, GOOD[::-1], LABELS, None], "upper triangular"),
        ([HASHED, 108, GOOD.replace("1", "2"), LABELS, None], "graph"),
        ([HASHED, 108, GOOD, LABELS.replace("input", "conv"), None], "without input or output"),
        ([HASHED, 108, GOOD, LABELS.rsplit(",", 2)[0] + ",conv9x9,output", None], "not in tuple"),
        (["0" * 32, 108, GOOD, LABELS, None], "hash"),
        ([HASHED, 108, GOOD, LABELS, "!"], "Error"),
        ([HASHED, 108, GOOD, LABELS, "AAAA"], "index out of range"),
        ([HASHED, 108, GOOD, LABELS, ""], "0 evaluations"),
        ([HASHED, 108], "values to unpack"),
        ("text", "values to unpack"),
    ],
)
def test_records_that_are_none_are_refused(tmp_path, refused, wrong, says):
    if isinstance(wrong, list) and wrong[-1] is None:
        wrong[-1] = base64.b64encode(metrics(108, values_of(0))).decode()
    path = write(tmp_path / "x.tfrecord", [json.dumps(wrong).encode()])
    assert says in refused(path, "nasbench101")


def test_a_fourth_repeat_is_refused(tmp_path, refused):
    path = write(tmp_path / "x.tfrecord", [record(HASHED, 108, GOOD, LABELS, values_of(0))] * 4)
    assert "more than 3" in refused(path, "nasbench101")


def test_checksums_and_ends_are_checked(full, refused):
    path, _ = full
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 300, 7, 13):
        path.write_bytes(whole[:cut])
        assert "ends inside record" in refused(path, "nasbench101")
    for place, says in (
        (20, "checksum of record 0"),
        (9, "checksum of record 0"),
        (5, "declares"),
        (len(whole) - 2, "record 47"),
    ):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert says in refused(path, "nasbench101")
    path.write_bytes(b"")
    assert "no record" in refused(path, "nasbench101")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=70), max_size=8))
def test_checksums_of_many_records_at_once_are_those_one_by_one(records):
    assert crc32c(records).tolist() == [slow_crc(record) for record in records]


def test_a_known_checksum():
    """The check value of CRC-32C, and a frame that TensorFlow's own documentation of masking implies."""
    assert crc32c([b"123456789"]).tolist() == [0xE3069283]
    assert masked(np.array([0], dtype=np.uint32)).tolist() == [0xA282EAD8]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=9), st.data())
def test_frames_are_read_as_written_or_refused(tmp_path_factory, records, data):
    path = tmp_path_factory.mktemp("frames") / "x.tfrecord"
    whole = b"".join(map(frame, records))
    path.write_bytes(whole)
    assert [r for batch in batches(path) for r in batch] == records
    if whole:
        place = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="record"):
            list(batches(path))


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.floats(0, 1)] * 8), st.integers(0, 2**31 - 1), st.text("abc/", max_size=20))
def test_messages_are_decoded(values, params, checkpoint):
    half, final, counted = decode(metrics(36, values, params, checkpoint))
    assert (*half, *final) == values
    assert counted == params
