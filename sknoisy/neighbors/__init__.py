"""Rows that are near each other, and what their labels say.

Pure functions of features and labels, which know nothing of nets and trainings.
"""

from ._nearest import nearest_rows
from ._similar import SimilarRows, most_similar
from ._votes import count_votes

__all__ = ["SimilarRows", "count_votes", "most_similar", "nearest_rows"]
