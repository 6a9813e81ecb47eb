"""Remember which numbers were met, with a bit for each: ids of rows lie close together, and there may be millions."""

from __future__ import annotations


class Marks:
    """Whole numbers from 0 on. Memory grows with the greatest of them, an eighth of a byte each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """Mark a number; False where it was marked before."""
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        if self._bits[place] & bit:
            return False
        self._bits[place] |= bit
        return True
