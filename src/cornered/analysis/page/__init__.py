"""The report of a run: one page that opens from disk, with nothing to fetch.

What models wrote is hostile here: it reaches the page as text only, never as markup, and a
content security policy lets no script and no style run but the page's own two.
"""

from cornered.analysis.page.answer import screened_out
from cornered.analysis.page.methods import Methods
from cornered.analysis.page.picture import Picture
from cornered.analysis.page.write import write_report

__all__ = ["Methods", "Picture", "screened_out", "write_report"]
