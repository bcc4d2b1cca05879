"""A pickle's content, read without running anything in it.

A pickle is a program: it names functions and calls them. Here it is read step by step. A call of a
function of the table below becomes the tensor or array that it describes, and a call of anything
else a `Record` of what was to be called. So no function that a file names is ever looked up.

The instructions are those of `pickletools`; the functions are those that PyTorch and numpy pickle
their arrays with (``torch/_utils.py``, ``numpy/_core/multiarray``).
"""

import pickletools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

# What has no place in a file of weights: functions that act, by which files attack their readers.
_HARMFUL = re.compile(
    r"(os|posix|nt|sys|subprocess|shutil|socket|pty|ctypes|importlib|runpy|webbrowser|commands)\.|"
    r"(builtins|__builtin__|io|_io)\.(eval|exec|execfile|compile|open|__import__|input|breakpoint)$"
)
# Of other keys, such as a tuple nested a million times, hashing alone can end the process.
_PLAIN = (str, int, float, bytes, type(None))

#: What a pickle can hold: anything.
Value = Any


class CodeError(Exception):
    """A pickle that names a function which acts on the machine; the message is the name."""


class PlainPickleError(Exception):
    """A pickle of tensors that another function than torch.save made."""


@dataclass(frozen=True)
class Global:
    """A function or class by its full name, which is not looked up."""

    name: str


@dataclass(eq=False)
class Record:
    """An object of another class: what it would be made of.

    Attributes
    ----------
    kind
        Full name of the class or function.
    arguments
        Of its call.
    state
        Its attributes as a rule.
    items, elements
        What would be put in, if it is a dictionary or list.
    """

    kind: str
    arguments: Sequence[Value] = ()
    state: Value = None
    items: dict[Value, Value] = field(default_factory=dict)
    elements: list[Value] = field(default_factory=list)


@dataclass(frozen=True)
class Storage:
    """Numbers in a row that tensors are views of: `size` of them, in the record `key`."""

    key: str
    dtype: str
    size: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; `scales` holds the parameters of a quantised one."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    scales: tuple[Value, ...] = ()


@dataclass(eq=False)
class Array:
    """An array of numpy's, which gets its content after it is made."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    data: bytes | str = b""
    column_major: bool = False


@dataclass(eq=False)
class DType:
    """A dtype of numpy's."""

    name: str
    order: str = "="


def interpreted(file: IO[bytes], storage: Callable[[Value], Storage]) -> Value:
    """Read one pickle, and return its content as plain data, tensors, arrays and records.

    Parameters
    ----------
    file
        Read up to the end of the pickle.
    storage
        Tells a storage from its persistent id.

    Raises
    ------
    CodeError
        If a function is named that acts on the machine.
    PlainPickleError
        If the numbers of tensors are pickled, too.
    Exception
        Of any class, if the pickle is damaged.
    """
    return _Machine(storage).run(file)


class _Machine:
    """The stack and the memory that a pickle's instructions work on."""

    def __init__(self, storage: Callable[[Value], Storage]) -> None:
        self.storage = storage
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: dict[int, Value] = {}

    def run(self, file: IO[bytes]) -> Value:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name in _CONSTANTS:
                self.stack.append(_CONSTANTS[opcode.name](argument))
            elif opcode.name in _ACTIONS:
                _ACTIONS[opcode.name](self, argument)
            else:
                raise ValueError(f"unknown instruction {opcode.name}")
        raise ValueError("the pickle has no end")

    def since_mark(self) -> list[Value]:
        top, self.stack = self.stack, self.marks.pop()
        return top

    def last(self, n: int) -> list[Value]:
        if len(self.stack) < n:
            raise ValueError("the pickle's stack is empty")
        taken = self.stack[len(self.stack) - n :]
        del self.stack[len(self.stack) - n :]
        return taken


def _mark(machine: _Machine, _: object) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _pop(machine: _Machine, _: object) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.since_mark()


def _pop_mark(machine: _Machine, _: object) -> None:
    machine.since_mark()


def _collect(make: Callable[[list[Value]], Value], n: int | None = None) -> Callable[..., None]:
    """Make one of what stands on the stack: of the last `n`, or of all since the mark."""

    def act(machine: _Machine, _: object) -> None:
        taken = machine.since_mark() if n is None else machine.last(n)
        machine.stack.append(make(taken))

    return act


def _append(machine: _Machine, values: list[Value]) -> None:
    target = machine.stack[-1]
    (target.elements if isinstance(target, Record) else _of(list, target)).extend(values)


def _set(machine: _Machine, values: list[Value]) -> None:
    target = machine.stack[-1]
    (target.items if isinstance(target, Record) else _of(dict, target)).update(_pairs(values))


def _pairs(values: list[Value]) -> dict[Value, Value]:
    keys = (key if isinstance(key, _PLAIN) else object() for key in values[::2])
    return dict(zip(keys, values[1::2], strict=True))


def _put(machine: _Machine, index: int | None) -> None:
    machine.memo[len(machine.memo) if index is None else int(index)] = machine.stack[-1]


def _get(machine: _Machine, index: int) -> None:
    machine.stack.append(machine.memo[int(index)])


def _named(name: str) -> Global:
    if _HARMFUL.match(name):
        raise CodeError(name)
    return Global(name)


def _global(machine: _Machine, name: str) -> None:
    machine.stack.append(_named(name.replace(" ", ".", 1)))


def _stack_global(machine: _Machine, _: object) -> None:
    module, name = machine.last(2)
    machine.stack.append(_named(f"{_of(str, module)}.{_of(str, name)}"))


def _persistent(machine: _Machine, key: Value) -> None:
    machine.stack.append(machine.storage(machine.stack.pop() if key is None else key))


def _instance(machine: _Machine, name: str) -> None:
    arguments = machine.since_mark()
    machine.stack.append(_called(_named(name.replace(" ", ".", 1)), arguments))


def _called(function: Value, arguments: Value) -> Value:
    """Return what a call describes."""
    if not isinstance(function, Global):
        return Record("a call")
    arguments = arguments if isinstance(arguments, (list, tuple)) else ()
    known = _FUNCTIONS.get(function.name)
    return Record(function.name, arguments) if known is None else known(*arguments)


def _build(machine: _Machine, _: object) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Record):
        target.state = state
    elif isinstance(target, Array):
        _, shape, dtype, column_major, data = state
        target.shape, target.dtype = _sizes(shape), _dtype_name(dtype)
        target.data, target.column_major = data, bool(column_major)
    elif isinstance(target, DType):
        target.order = str(state[1])


_CONSTANTS: dict[str, Callable[[Value], Value]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "EMPTY_SET": lambda _: Record("builtins.set"),
    **dict.fromkeys(
        (
            *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
            *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
            *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
            *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        ),
        lambda argument: argument,
    ),
}

_ACTIONS: dict[str, Callable[[_Machine, Value], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda *_: None),
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "LIST": _collect(list),
    "TUPLE": _collect(tuple),
    "TUPLE1": _collect(tuple, 1),
    "TUPLE2": _collect(tuple, 2),
    "TUPLE3": _collect(tuple, 3),
    "DICT": _collect(_pairs),
    "FROZENSET": _collect(lambda values: Record("builtins.frozenset", elements=values)),
    "APPEND": lambda machine, _: _append(machine, machine.last(1)),
    "APPENDS": lambda machine, _: _append(machine, machine.since_mark()),
    "ADDITEMS": lambda machine, _: _append(machine, machine.since_mark()),
    "SETITEM": lambda machine, _: _set(machine, machine.last(2)),
    "SETITEMS": lambda machine, _: _set(machine, machine.since_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "PERSID": _persistent,
    "BINPERSID": _persistent,
    "INST": _instance,
    "REDUCE": _collect(lambda call: _called(*call), 2),
    "NEWOBJ": _collect(lambda call: _called(*call), 2),
    "NEWOBJ_EX": _collect(lambda call: _called(*call[:2]), 3),
    "OBJ": _collect(lambda call: _called(call[0], call[1:])),
    "BUILD": _build,
}


def _of(kind: Value, value: Value) -> Value:
    """Return a value after checking its class."""
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def _sizes(values: Value) -> tuple[int, ...]:
    sizes = tuple(_of(int, value) for value in _of((list, tuple), values))
    if any(size < 0 for size in sizes):
        raise ValueError("a negative size")
    return sizes


def _dtype_name(dtype: Value) -> str:
    if isinstance(dtype, DType):
        return dtype.name if dtype.order in "=|" else f"{dtype.order}{dtype.name}"
    return str(_of(Global, dtype).name).rpartition(".")[2]  # torch.float8_e4m3fn


def _tensor(storage: Value, offset: Value, shape: Value, strides: Value, *_: Value) -> Tensor:
    if isinstance(storage, Record):
        raise PlainPickleError
    _of(Storage, storage)
    (offset,), shape, strides = _sizes([offset]), _sizes(shape), _sizes(strides)
    if len(shape) != len(strides):
        raise ValueError("a tensor with other axes than strides")
    return Tensor(storage, offset, shape, strides, storage.dtype)


def _marked_tensor(*arguments: Value) -> Tensor | Record:
    """Return a tensor, unless what is stored are not its numbers but their negatives."""
    marks = arguments[6] if len(arguments) > 6 else None
    if isinstance(marks, dict) and (marks.get("neg") or marks.get("conj")):
        return Record("negated or conjugate view")
    return _tensor(*arguments)


def _typed_tensor(*arguments: Value) -> Tensor:
    storage, offset, shape, strides, _, _, dtype = arguments[:7]
    found = _tensor(storage, offset, shape, strides)
    return Tensor(found.storage, found.offset, found.shape, found.strides, _dtype_name(dtype))


def _quantised(*arguments: Value) -> Tensor:
    storage, offset, shape, strides, scales = arguments[:5]
    found = _tensor(storage, offset, shape, strides)
    scheme = (_dtype_name(scales[0]), *scales[1:])
    return Tensor(found.storage, found.offset, found.shape, found.strides, found.dtype, scheme)


def _subclass(*arguments: Value) -> Value:
    """Return the tensor within a subclass of tensors."""
    function, _, inner = arguments[:3]
    return _called(function, inner)


def _object(kind: Value, *_: Value) -> Record:
    return Record(_of(Global, kind).name)


def _from_buffer(data: Value, dtype: Value, shape: Value, order: Value = "C", *_: Value) -> Array:
    return Array(_sizes(shape), _dtype_name(dtype), data, order == "F")


_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _marked_tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_qtensor": _quantised,
    "torch._utils._rebuild_parameter": lambda data, *_: data,
    "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
    "torch.nn.parameter.Parameter": lambda data=None, *_: data,
    "torch._utils._rebuild_device_tensor_from_numpy": lambda data, *_: data,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": lambda data, *_: data,
    "torch._tensor._rebuild_from_type": _subclass,
    "torch._tensor._rebuild_from_type_v2": _subclass,
    "torch.jit._pickle.restore_type_tag": lambda value, *_: value,
    **dict.fromkeys(
        (f"torch.jit._pickle.build_{kind}list" for kind in ("int", "double", "bool", "tensor")),
        lambda values, *_: values,
    ),
    **dict.fromkeys((f"{module}._reconstruct" for module in _ARRAYS), lambda *_: Array()),
    "numpy._core.numeric._frombuffer": _from_buffer,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy.dtype": lambda name, *_: DType(str(name)),
    # Bytes in a pickle of the second protocol; an array takes them from the text.
    "_codecs.encode": lambda text, *_: text,
    "copyreg._reconstructor": _object,
    "copy_reg._reconstructor": _object,
}
