"""Reads the plain values in a Python pickle without running it.

A pickle is a program for a small stack machine, and one of its operations calls any function by name: to load
a stranger's file with Python's own machine is to run the stranger's code. Here the operations are read one by
one (`pickletools`, which only takes them apart), and those that make numbers, texts, lists, tuples, dicts and
NumPy arrays of bytes are carried out; names are kept as names, and every other operation is an error.
"""

import pickletools
import struct
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

Kind = TypeVar("Kind")

_VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "INT", "LONG", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
}  # fmt: skip
"""Operations that push the value behind them."""
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_ARRAYS = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_TYPE = ("numpy", "dtype")
_ENCODE = ("_codecs", "encode")
_BYTE_TYPES = {"u1", "|u1"}
_OBJECT_TYPES = {"O", "O8", "|O"}


@dataclass(frozen=True)
class _Name:
    """A function or class that the file names; never looked up."""

    module: str
    name: str


@dataclass(frozen=True)
class _Type:
    """A NumPy type, as its code."""

    code: str


class _Array:
    """A NumPy array whose content follows."""


def read(content: bytes) -> Any:
    """Return what the pickle `content` holds: numbers, texts, lists, tuples, dicts, and arrays of uint8.

    An array of one axis of objects comes as the list of them.
    Texts of Python 2, which may be bytes, come as text in Latin-1. Raises `ValueError` for everything else.
    """
    try:
        return _Machine().run(content)
    except (IndexError, KeyError, TypeError, OverflowError, RecursionError, struct.error) as error:
        raise ValueError(f"is damaged ({type(error).__name__}: {error})") from None


class _Machine:
    """The stack machine, with the operations that make plain values."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        """Carry out the operations in `content` and return the value on top at its end."""
        for operation, argument, _place in pickletools.genops(content):
            name = operation.name
            if name == "STOP":
                return self.stack[-1]
            if name in _VALUES:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif not (self._collect(name) or self._remember(name, argument) or self._named(name, argument)):
                raise ValueError(f"does what no file of data needs (operation {name})")
        raise ValueError("has no end")

    def _collect(self, name: str) -> bool:
        """Lists, tuples and dicts."""
        if name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE"):
            self.stack.append({"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}[name]())
        elif name in ("LIST", "TUPLE"):
            self.stack.append({"LIST": list, "TUPLE": tuple}[name](self._marked()))
        elif name in _TUPLES:
            self.stack.append(tuple(self._pop(_TUPLES[name])))
        elif name in ("APPEND", "APPENDS"):
            items = self._pop(1) if name == "APPEND" else self._marked()
            _of(list, self.stack[-1]).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if name == "SETITEM" else self._marked()
            _of(dict, self.stack[-1]).update(zip(items[::2], items[1::2], strict=True))
        elif name == "DICT":
            items = self._marked()
            self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))
        else:
            return False
        return True

    def _remember(self, name: str, argument: Any) -> bool:
        """Values that are used again."""
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        else:
            return name in ("PROTO", "FRAME")
        return True

    def _named(self, name: str, argument: Any) -> bool:
        """What a pickle calls functions for: NumPy's arrays, and bytes written by Python 3 for Python 2."""
        if name == "GLOBAL":
            self.stack.append(_Name(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            self.stack.append(_Name(*self._pop(2)))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            self.stack.append(_call(function, arguments))
        elif name == "BUILD":
            (state,) = self._pop(1)
            top = self.stack[-1]
            if isinstance(top, _Array):
                self._replace(top, _array(state))
            elif not isinstance(top, _Type):
                raise ValueError(f"sets the inside of a {type(top).__name__}")
        else:
            return False
        return True

    def _replace(self, old: _Array, new: Any) -> None:
        self.stack[-1] = new
        for key, value in self.memo.items():
            if value is old:
                self.memo[key] = new

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def _marked(self) -> list[Any]:
        return self._pop(len(self.stack) - self.marks.pop())


def _of(kind: type[Kind], value: Any) -> Kind:
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} where a {kind.__name__} must be")
    return value


def _call(function: Any, arguments: Any) -> Any:
    named = _of(_Name, function)
    key = (named.module, named.name)
    if key in _ARRAYS:
        return _Array()
    if key == _TYPE:
        return _Type(str(arguments[0]))
    if key == _ENCODE:
        return _of(str, arguments[0]).encode("latin-1")
    raise ValueError(f"calls {named.module}.{named.name}, which no file of data needs")


def _array(state: Any) -> Any:
    _version, shape, kind, columns_first, values = _of(tuple, state)
    lengths = tuple(_of(int, length) for length in _of(tuple, shape))
    if _of(_Type, kind).code in _OBJECT_TYPES:
        if lengths != (len(_of(list, values)),):
            raise ValueError(f"holds {len(values)} objects in an array of shape {lengths}")
        return values
    if kind.code not in _BYTE_TYPES:
        raise ValueError(f"holds an array of type {kind.code}; only unsigned bytes (u1) can be read")
    content = values.encode("latin-1") if isinstance(values, str) else _of(bytes, values)
    array = np.frombuffer(content, dtype=np.uint8)
    if any(length < 0 for length in lengths):
        raise ValueError(f"holds an array of shape {lengths}")
    return array.reshape(lengths, order="F" if columns_first else "C")
