"""Read the command line's values without pydantic.

Typer builds a pydantic adapter for each parameter of the command that runs, which costs more than all else before a
search begins (0.1 s of CPU). Ours are texts, numbers, paths and switches; this reads those. A parameter of another type
keeps Typer's own way, and so do all should a later Typer ask elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from typer import BadParameter
from typer.core import TyperCommand


class PlainCommand(TyperCommand):
    """A command whose simple parameters are read plainly."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of --help among them."""
        return read_plainly(super().get_params(ctx))


def read_plainly(parameters: list[Any]) -> list[Any]:
    """Have the simple ones of a command's parameters read plainly; gives the same list."""
    for parameter in parameters:
        descriptor = getattr(parameter, "type_descriptor", None)
        read = _reader(getattr(descriptor, "annotation", None))
        if read is not None:
            parameter._runtime_param = PlainValue(read)
    return parameters


class PlainValue:
    """Reads one parameter's value; stands where Typer keeps its adapter."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in its type. Raises BadParameter with what is right."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        try:
            read = [self._read(item) for item in value] if many else self._read(value)
            _demand_range(read, param)
        except ValueError as error:
            raise BadParameter(str(error), ctx=ctx, param=param) from None
        return read


def _reader(annotation: Any) -> Callable[[Any], Any] | None:
    """What reads one value of that annotation; None for what Typer shall read."""
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        annotation = parts[0] if len(parts) == 1 else None
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    readers: dict[Any, Callable[[Any], Any]] = {str: str, int: _whole, bool: _switch, Path: Path}
    return readers.get(annotation)


def _whole(value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{value!r} is no whole number") from None


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is neither on nor off")


def _demand_range(value: Any, param: Any) -> None:
    lowest, highest = getattr(param, "min", None), getattr(param, "max", None)
    if isinstance(value, int) and lowest is not None and value < lowest:
        raise ValueError(f"{value} is below {lowest}")
    if isinstance(value, int) and highest is not None and value > highest:
        raise ValueError(f"{value} is above {highest}")
