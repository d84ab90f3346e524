"""The less frequent operations of :class:`.plainpickle.PlainPickle`, by opcode; the frequent ones are in its loop.

The names are those of Python's ``pickletools``. What is not here and not there needs a class or a function, and is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .pickled_names import PickleError, check_key

if TYPE_CHECKING:
    from .plainpickle import PlainPickle

_U2, _I4, _U4, _U8 = (struct.Struct(f) for f in ("<H", "<i", "<I", "<Q"))


def _push(value: Callable[[PlainPickle], Any]) -> Callable[[PlainPickle], None]:
    def step(machine: PlainPickle) -> None:
        result = value(machine)
        machine.stack.append(result)

    return step


def _tuple(size: int) -> Callable[[PlainPickle], None]:
    return _push(lambda m: tuple(reversed([m.pop() for _ in range(size)])))


def _integer(line: bytes) -> int | bool:
    if line in (b"00", b"01"):
        return line == b"01"
    return int(line.rstrip(b"L"))


def _sized(size: Callable[[PlainPickle], int]) -> Callable[[PlainPickle], bytes]:
    return lambda m: m.take(size(m))


def _quoted(line: bytes) -> str:
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"') or b"\\" in line:
        raise PickleError("a text that is not written plainly")
    return line[1:-1].decode("ascii")


def _unicode(line: bytes) -> str:
    return line.decode("raw-unicode-escape")


def _from_dict(machine: PlainPickle) -> dict[Any, Any]:
    items = machine.pop_to_mark()
    machine.stack.append({})
    machine.set_items(items)
    filled: dict[Any, Any] = machine.stack.pop()
    return filled


def _u1(m: PlainPickle) -> int:
    return m.take(1)[0]


def _number(form: struct.Struct) -> Callable[[PlainPickle], int]:
    return lambda m: form.unpack(m.take(form.size))[0]


def _little(m: PlainPickle, size: int) -> int:
    return int.from_bytes(m.take(size), "little", signed=True)


def _at_mark(use: Callable[[PlainPickle, list[Any]], None]) -> Callable[[PlainPickle], None]:
    return lambda m: use(m, m.pop_to_mark())


def _pairwise(m: PlainPickle) -> None:
    value, key = m.pop(), m.pop()
    m.set_items([key, value])


def _stack_global(m: PlainPickle) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _global(m: PlainPickle) -> None:
    module = m.line().decode()
    m.name(module, m.line().decode())


def _no_reference(m: PlainPickle) -> Any:
    """Data beside the pickle, which is how torch refers to weights: nobody needs them here, so they are None."""
    m.pop()


RARE: dict[int, Callable[[PlainPickle], Any]] = {
    ord("0"): lambda m: m.stack.pop(),
    ord("1"): _at_mark(lambda m, items: None),
    ord("2"): _push(lambda m: m.stack[-1]),
    ord("F"): _push(lambda m: float(m.line())),
    ord("I"): _push(lambda m: _integer(m.line())),
    ord("L"): _push(lambda m: int(m.line().rstrip(b"L"))),
    ord("J"): _push(_number(_I4)),
    ord("M"): _push(_number(_U2)),
    ord("N"): _push(lambda m: None),
    ord("Q"): _push(_no_reference),
    ord("P"): _push(lambda m: (m.line(), None)[1]),
    ord("R"): lambda m: m.reduce(),
    ord("b"): lambda m: m.build(),
    ord("c"): _global,
    ord("S"): _push(lambda m: _quoted(m.line())),
    ord("T"): _push(lambda m: m.text(m.take(_number(_I4)(m)))),
    ord("U"): _push(lambda m: m.text(m.take(_u1(m)))),
    ord("V"): _push(lambda m: _unicode(m.line())),
    ord("B"): _push(_sized(_number(_U4))),
    ord("C"): _push(_sized(_u1)),
    ord("}"): _push(lambda m: {}),
    ord("]"): _push(lambda m: []),
    ord(")"): _push(lambda m: ()),
    ord("d"): _push(_from_dict),
    ord("l"): _push(lambda m: m.pop_to_mark()),
    ord("t"): _push(lambda m: tuple(m.pop_to_mark())),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): _at_mark(lambda m, items: m.append(items)),
    ord("s"): _pairwise,
    ord("u"): _at_mark(lambda m, items: m.set_items(items)),
    ord("g"): _push(lambda m: m.get(int(m.line()))),
    ord("p"): lambda m: m.put(int(m.line())),
    0x80: lambda m: m.take(1),
    0x81: lambda m: m.new(),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    0x88: _push(lambda m: True),
    0x89: _push(lambda m: False),
    0x8A: _push(lambda m: _little(m, _u1(m))),
    0x8B: _push(lambda m: _little(m, _number(_I4)(m))),
    0x8D: _push(lambda m: m.text(m.take(_number(_U8)(m)))),
    0x8E: _push(_sized(_number(_U8))),
    0x8F: _push(lambda m: set()),
    0x90: _at_mark(lambda m, items: m.append(items)),
    0x91: _push(lambda m: {check_key(item) for item in m.pop_to_mark()}),
    0x93: _stack_global,
    0x95: lambda m: m.take(8),
    0x96: _push(_sized(_number(_U8))),
}
