"""The report of a run: one page that opens from disk and needs no network.

Texts written by models are untrusted: they reach the page as text, never as markup, and a content
security policy allows the page's own script and style only.
"""

from cornered.analysis.page.answer import screened_out
from cornered.analysis.page.methods import Methods
from cornered.analysis.page.picture import Picture
from cornered.analysis.page.write import write_report

__all__ = ["Methods", "Picture", "screened_out", "write_report"]
