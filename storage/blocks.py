"""Blocks of a body as JSON values, as `revision.blocks` holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storage.content import Block


def to_json(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """One object a block; what is empty is left out."""
    values = []
    for block in blocks:
        value: dict[str, Any] = {"kind": block.kind}
        if block.text:
            value["text"] = block.text
        if block.level is not None:
            value["level"] = block.level
        if block.items:
            value["items"] = list(block.items)
        values.append(value)
    return values


def from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Block, ...]:
    """The blocks that `to_json` wrote."""
    return tuple(
        Block(value["kind"], value.get("text", ""), value.get("level"), tuple(value.get("items", ())))
        for value in values
    )
