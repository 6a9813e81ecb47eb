"""Give out an article with all that proves it, as one zip that needs no Presskeep to be checked.

`gathering` finds the rows, `captured` reads the records of a capture, `page` and `readme` write what people read,
`packing` makes the zip, and `exporting` puts it together.
"""

from __future__ import annotations

from storage.evidence.exporting import Evidence, export_evidence

__all__ = ["Evidence", "export_evidence"]
