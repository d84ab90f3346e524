"""TensorFlow's record files without TensorFlow: frames of a length, the bytes, and a checksum of each.

Per record: length (8 bytes, little-endian), masked CRC-32C of those 8 bytes (4), the bytes, masked CRC-32C of them (4). A
CRC is masked by a rotation right by 15 bits and the addition of 0xa282ead8 (tensorflow/core/lib/hash/crc32c.h).

CRC-32C byte by byte is slow in Python, so the checksums of many records are computed at once, each step of the loop
taking the next byte of every record.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected
LARGEST = 1 << 24  # bytes of one record
BATCH = 4096  # records whose checksums are computed at once
_HEAD, _CRC = struct.Struct("<QI"), struct.Struct("<I")
UInt32 = npt.NDArray[np.uint32]


def _table() -> UInt32:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> np.uint32(1)) ^ np.uint32(POLYNOMIAL), crc >> np.uint32(1))
    return crc.astype(np.uint32)


_TABLE = _table()


def crc32c(records: list[bytes]) -> UInt32:
    """CRC-32C of each record, (n,)."""
    lengths = np.array([len(record) for record in records], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    width = int(lengths.max(initial=0))
    padded = b"".join([records[i].ljust(width, b"\0") for i in order])
    block = np.ascontiguousarray(np.frombuffer(padded, np.uint8).reshape(len(records), width).T)
    left = np.searchsorted(-lengths[order], -np.arange(width), side="left")  # records that still have a byte there
    crc = np.full(len(records), 0xFFFFFFFF, dtype=np.uint32)
    for byte, n in zip(block, left, strict=True):
        crc[:n] = _TABLE[(crc[:n] ^ byte[:n]) & np.uint32(0xFF)] ^ (crc[:n] >> np.uint32(8))
    result = np.empty_like(crc)
    result[order] = crc ^ np.uint32(0xFFFFFFFF)
    return result


def masked(crc: UInt32) -> UInt32:
    """The form in which a checksum is written."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


def batches(path: Path) -> Iterator[list[bytes]]:
    """Records of a file, some thousands at a time; ValueError where it is truncated or a checksum does not fit."""
    with path.open("rb", buffering=1 << 22) as file:
        number = 0
        while True:
            records: list[bytes] = []
            heads: list[tuple[bytes, int]] = []
            sums: list[int] = []
            while len(records) < BATCH and (head := file.read(_HEAD.size)):
                if len(head) < _HEAD.size:
                    raise ValueError(f"it ends inside record {number + len(records)}")
                length, head_sum = _HEAD.unpack(head)
                if length > LARGEST:
                    raise ValueError(f"record {number + len(records)} declares {length} bytes")
                body = file.read(length + _CRC.size)
                if len(body) < length + _CRC.size:
                    raise ValueError(f"it ends inside record {number + len(records)}")
                records.append(body[:length])
                heads.append((head[:8], head_sum))
                sums.append(_CRC.unpack(body[length:])[0])
            if not records:
                return
            _verify(number, [head for head, _ in heads], [crc for _, crc in heads])
            _verify(number, records, sums)
            number += len(records)
            yield records


def _verify(number: int, parts: list[bytes], sums: list[int]) -> None:
    wrong = np.flatnonzero(masked(crc32c(parts)) != np.array(sums, dtype=np.uint32))
    if len(wrong):
        raise ValueError(f"the checksum of record {number + int(wrong[0])} does not fit")
