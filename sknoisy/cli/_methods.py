"""`sknoisy methods`."""

from ..methods import describe_methods
from ._screen import Screen


def show_methods(screen: Screen) -> None:
    """Show the table of all methods."""
    table = describe_methods()
    screen.table(
        [
            ("method", {"no_wrap": True, "style": "bold"}),
            ("needs", {"ratio": 3}),
            ("cost, in trainings", {"ratio": 3}),
            ("choose it where", {"ratio": 4}),
        ],
        [(name, row["needs"], row["cost"], row["choose_it"]) for name, row in table.iterrows()],
    )
