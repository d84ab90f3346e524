"""A pickle machine that cannot run anything: it builds plain data, and streams.

A pickle is a program for a small stack machine, and Python's own machine imports and calls what the program names. This
one knows the opcodes that build numbers, text, lists, tuples, dicts and sets; a name is only compared with the list in
``pickled_names.py``, where each stands for a few lines that build plain data. Nothing is imported, no attribute is read
or set, no object of a class is made.

It is slower than Python's (about three million values a second), but it reads a stream and it can be told what to
do with each dictionary as soon as that is complete. The benchmarks of the field are one pickle of gigabytes whose
objects would take 20 to 30 GB all at once (AutoDL-Projects issue 78); replaced one by one they take little.

The format is that of protocols 0 to 5, as Python's ``pickletools`` documents it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

import numpy as np

from .pickle_opcodes import RARE
from .pickled_names import RECORD, Name, PickleError, Record, built, check_key, constructed, named

CHUNK = 1 << 20
SLACK = 64  # the longest opcode with its fixed-size arguments is far shorter
LONGEST = 1 << 28  # bytes of one string
MOST = 1 << 36  # bytes of one pickle
INTERNED = 1 << 16  # different texts that are kept once only
GAP = 16  # numbers of the memo that a writer may leave out

OnDict = Callable[[dict[Any, Any]], None]
_MARK = object()
_SHORT_KEYS = re.compile(rb"(?:K.G.{8}){4,}", re.DOTALL)
_MEMO_KEYS = re.compile(rb"(?:j.{4}G.{8}){4,}", re.DOTALL)
_TEXT_KEYS = re.compile(rb"(?:\x8c.[a-z-]+@[0-9]+\x94G.{8}){4,}", re.DOTALL)  # the keys of curves, such as x-valid@12
_TEXT_KEY = re.compile(rb"\x8c(.)([a-z-]+@[0-9]+)\x94G(.{8})", re.DOTALL)
_OLD_TEXT_KEYS = re.compile(rb"(?:X.\0\0\0[a-z-]+@[0-9]+r.{4}G.{8}){4,}", re.DOTALL)
_OLD_TEXT_KEY = re.compile(rb"X(.)\0\0\0([a-z-]+@[0-9]+)r(.{4})G(.{8})", re.DOTALL)
_FLOAT, _U4 = struct.Struct(">d"), struct.Struct("<I")


class Source(Protocol):
    """Whatever bytes can be read from, one after the other."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


class PlainPickle:
    """One reader of one stream; :meth:`load` may be called again for the next pickle of the same stream.

    Args:
        stream: the bytes.
        on_dict: called with every dictionary that has ``marker`` among its keys, when it was filled; it may change it.
        marker: the key.
    """

    def __init__(self, stream: Source | BinaryIO, on_dict: OnDict | None = None, marker: str = "") -> None:
        self._stream, self._on_dict, self._marker = stream, on_dict, marker
        self._buffer, self._at, self._ended, self._total = b"", 0, False, 0
        self._texts: dict[bytes, str] = {}

    def load(self) -> Any:
        """The next pickle's plain data; PickleError where it is truncated, damaged or names what is not on the list."""
        self.stack: list[Any] = []
        self._memo: list[Any] = []
        self._sparse: dict[int, Any] = {}
        try:
            return self._run()
        except PickleError:
            raise
        except (IndexError, struct.error, ValueError, TypeError, KeyError, UnicodeDecodeError, OverflowError) as error:
            raise PickleError(f"truncated or damaged ({type(error).__name__})") from error

    # --- the bytes -------------------------------------------------------------------------------------------------
    def _fill(self, least: int = SLACK) -> None:
        """Have at least ``least`` bytes from here on, or all that there are."""
        parts, there = [self._buffer[self._at :]], len(self._buffer) - self._at
        while there < least and not self._ended:
            part = self._stream.read(CHUNK)
            self._ended = not part
            self._total += len(part)
            if self._total > MOST:
                raise PickleError(f"larger than {MOST >> 30} GiB")
            parts.append(part)
            there += len(part)
        self._buffer, self._at = b"".join(parts), 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if size > LONGEST:
            raise PickleError("a text longer than any benchmark has")
        if self._at + size > len(self._buffer):
            self._fill(size)
            if size > len(self._buffer):
                raise PickleError("truncated")
        start, self._at = self._at, self._at + size
        return self._buffer[start : self._at]

    def line(self) -> bytes:
        """The bytes up to the end of the line."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            if self._ended or len(self._buffer) - self._at > CHUNK:
                raise PickleError("truncated")
            self._fill(len(self._buffer) - self._at + 1)
        start, self._at = self._at, end + 1
        return self._buffer[start:end]

    # --- the machine -----------------------------------------------------------------------------------------------
    def _run(self) -> Any:
        """The loop: what is frequent is done here, the rest in methods by opcode."""
        stack, memo, rare = self.stack, self._memo, RARE
        while True:
            if self._at + SLACK > len(self._buffer) and not self._ended:
                self._fill()
            buffer, at = self._buffer, self._at
            code = buffer[at]
            self._at = at = at + 1
            if code == 71:  # BINFLOAT
                stack.append(_FLOAT.unpack_from(buffer, at)[0])
                self._at = at + 8
            elif code == 75:  # BININT1, often one of many keys of floats
                if (many := _SHORT_KEYS.match(buffer, at - 1)) is not None:
                    block = many.group()
                    self._pairs(list(block[1::11]), np.ndarray(len(block) // 11, ">f8", block, 3, 11).tolist())
                    self._at = at - 1 + len(block)
                else:
                    stack.append(buffer[at])
                    self._at = at + 1
            elif code == 106:  # LONG_BINGET, likewise
                if (many := _MEMO_KEYS.match(buffer, at - 1)) is not None:
                    block = many.group()
                    keys = np.ndarray(len(block) // 14, "<u4", block, 1, 14).tolist()
                    self._pairs([self.get(key) for key in keys], np.ndarray(len(keys), ">f8", block, 6, 14).tolist())
                    self._at = at - 1 + len(block)
                else:
                    stack.append(self.get(_U4.unpack_from(buffer, at)[0]))
                    self._at = at + 4
            elif code == 104:  # BINGET
                stack.append(self.get(buffer[at]))
                self._at = at + 1
            elif code == 148:  # MEMOIZE
                memo.append(stack[-1])
            elif code == 113:  # BINPUT
                self.put(buffer[at])
                self._at = at + 1
            elif code == 114:  # LONG_BINPUT
                self.put(_U4.unpack_from(buffer, at)[0])
                self._at = at + 4
            elif code == 140:  # SHORT_BINUNICODE
                if (many := _TEXT_KEYS.match(buffer, at - 1)) is None or not self._new_keys(many.group(), _TEXT_KEY):
                    self._at = at + 1
                    stack.append(self.text(self.take(buffer[at])))
            elif code == 88:  # BINUNICODE
                if (many := _OLD_TEXT_KEYS.match(buffer, at - 1)) is None or not self._new_keys(
                    many.group(), _OLD_TEXT_KEY
                ):
                    self._at = at + 4
                    stack.append(self.text(self.take(_U4.unpack_from(buffer, at)[0])))
            elif code == 40:  # MARK
                stack.append(_MARK)
            elif code == 46:  # STOP
                return self._result()
            elif code in rare:
                rare[code](self)
            else:
                raise PickleError(f"it has the opcode {code}, which plain data do not need")

    def _result(self) -> Any:
        if len(self.stack) != 1 or self.stack[0] is _MARK or isinstance(self.stack[0], Name):
            raise PickleError("it does not end with one value")
        return self.stack[0]

    def _pairs(self, keys: list[Any], values: list[float]) -> None:
        pairs: list[Any] = [None] * (2 * len(keys))
        pairs[::2], pairs[1::2] = keys, values
        self.stack.extend(pairs)

    def _new_keys(self, block: bytes, pattern: re.Pattern[bytes]) -> bool:
        """Many texts that are new, each with a float; False where the block only looks so."""
        parts = pattern.findall(block)
        if any(part[0][0] != len(part[1]) for part in parts):
            return False
        keys = [self.text(part[1]) for part in parts]
        if pattern is _TEXT_KEY:
            self._memo.extend(keys)
        else:
            numbers = np.frombuffer(b"".join([part[2] for part in parts]), "<u4")
            if numbers[0] != len(self._memo) or (np.diff(numbers.astype(np.int64)) != 1).any():
                return False
            self._memo.extend(keys)
        self._pairs(keys, np.frombuffer(b"".join([part[-1] for part in parts]), ">f8").tolist())
        self._at += len(block) - 1
        return True

    def text(self, raw: bytes) -> str:
        """Text of UTF-8 bytes; equal ones are one object."""
        if (text := self._texts.get(raw)) is None:
            text = raw.decode("utf-8", "surrogatepass")
            if len(self._texts) < INTERNED:
                self._texts[raw] = text
        return text

    def pop(self) -> Any:
        """Take the top of the stack."""
        value = self.stack.pop()
        if value is _MARK:
            raise PickleError("a value is missing")
        return value

    def pop_to_mark(self) -> list[Any]:
        """Take everything above the last mark, and the mark."""
        stack = self.stack
        mark = len(stack) - 1
        while stack[mark] is not _MARK:  # beyond the start this is an IndexError, which load() understands
            mark -= 1
            if mark < 0:
                raise PickleError("a mark is missing")
        items = stack[mark + 1 :]
        del stack[mark:]
        return items

    def get(self, number: int) -> Any:
        """What the memo holds under a number."""
        return self._memo[number] if number < len(self._memo) else self._sparse[number]

    def put(self, number: int) -> None:
        """Remember the top of the stack under a number."""
        value, memo = self.stack[-1], self._memo
        if value is _MARK:
            raise PickleError("a value is missing")
        if number == len(memo):
            memo.append(value)
        elif number < len(memo):
            memo[number] = value
        elif number - len(memo) <= GAP and not self._sparse:
            memo.extend([None] * (number - len(memo)))
            memo.append(value)
        else:
            self._sparse[number] = value

    def set_items(self, items: list[Any]) -> None:
        """Keys and values, one after the other, into the dictionary on top."""
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise PickleError("keys are set on something that is no dictionary")
        if not set(map(type, items[::2])) <= {str, int}:
            for key in items[::2]:
                check_key(key)
        target.update(zip(items[::2], items[1::2], strict=True))
        if self._on_dict is not None and self._marker in target:
            self._on_dict(target)

    def append(self, items: list[Any]) -> None:
        """Items into the list or set on top."""
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            target.update(check_key(item) for item in items)
        else:
            raise PickleError("items are appended to something that is no list")

    def name(self, module: object, name: object) -> None:
        """Push the entry of the list that this name has."""
        self.stack.append(named(module, name))

    def reduce(self) -> None:
        """Build the plain data that a name stands for with its arguments."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Name) or type(arguments) is not tuple:
            raise PickleError("it calls something that is not on the list of what may be built")
        self.stack.append(constructed(function, arguments))

    def new(self) -> None:
        """An object without arguments, of a class that stands for a record."""
        if self.pop() != () or self.stack[-1] != RECORD:
            raise PickleError("it makes an object of a class that is not on the list of what may be built")
        self.stack[-1] = Record()

    def build(self) -> None:
        """Set the state of what is on top."""
        state, target = self.pop(), self.pop()
        result = built(target, state)
        self.stack.append(result)
        if result is not target:  # whoever refers to it later means the finished one
            memo = self._memo
            for number in range(len(memo) - 1, max(-1, len(memo) - SLACK), -1):
                if memo[number] is target:
                    memo[number] = result
