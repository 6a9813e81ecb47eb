"""Give out what the archive holds: captures as a WARC file, or as a WACZ with index and pages; the texts of articles.

`select_captures` finds captures and `page_lines` their pages; `export_warc` and `export_wacz` write one file each,
which `new_file` makes whole or not at all. `article_texts` gives the articles.
"""

from __future__ import annotations

from storage.exporting.articles import article_texts
from storage.exporting.newfile import new_file
from storage.exporting.pages import page_lines
from storage.exporting.requisites import ReadNeeds, keeps_requisites
from storage.exporting.selection import Selection, select_captures, with_merged
from storage.exporting.signing import Signer, load_signer
from storage.exporting.tally import Exported
from storage.exporting.wacz import export_wacz
from storage.exporting.warc import export_warc

__all__ = [
    "Exported",
    "ReadNeeds",
    "Selection",
    "Signer",
    "article_texts",
    "export_wacz",
    "export_warc",
    "keeps_requisites",
    "load_signer",
    "new_file",
    "page_lines",
    "select_captures",
    "with_merged",
]
