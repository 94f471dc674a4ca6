"""From tables of any kind to what nets and boosted trees learn from."""

from ._number_encoder import NumberEncoder
from ._reading import Table, as_frame, as_table
from ._tree_encoder import TreeEncoder

__all__ = ["NumberEncoder", "Table", "TreeEncoder", "as_frame", "as_table"]
