"""
The report
==========

One HTML page, to look through what was found, to decide on rows, and to show to others. It needs no
network, and opens in any browser.
"""

# %%
# A table with wrong labels, and a verdict
# ----------------------------------------

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import make_bookings
from sknoisy.noise import flip_symmetric

bookings, purposes = make_bookings(1500, random_state=0)
given, flipped = flip_symmetric(purposes, 0.15, random_state=0)
detector = NoisyLabelDetector(random_state=0).fit(bookings, given)

# %%
# The page
# --------
#
# In a notebook the report shows itself. Try the tabs, sort the queue, filter it, and click some
# decisions.

from sknoisy.report import LabelQualityReport

report = LabelQualityReport(detector, bookings, given)
report

# %%
# As a file
# ---------
#
# ``write_html`` writes the page, ``open`` shows it in the browser. Decisions that were clicked
# there are downloaded as a file; ``apply_review(read_review(...))`` takes it.

from pathlib import Path
from tempfile import mkdtemp

page = Path(mkdtemp()) / "report.html"
report.write_html(page)
print(f"{page.name}: {page.stat().st_size / 1000:,.0f} kB")

# %%
# As text
# -------
#
# For a terminal, an issue or a pull request:

print(report.markdown().partition("## Classes")[0])
