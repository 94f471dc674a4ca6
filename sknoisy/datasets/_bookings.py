"""A generated table with columns of every kind, as people have them."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from .._typing import RandomStateParameter

PURPOSES = ("business", "couple", "family", "group")
PURPOSE_SHARES = (0.35, 0.3, 0.25, 0.1)

# One value per purpose, in the order above.
FEWEST_GUESTS, MORE_GUESTS = (1, 2, 2, 6), (0.2, 0.05, 1.4, 6.0)
MEAN_NIGHTS, MEAN_PRICE = (0.7, 1.8, 5.0, 1.3), (145, 150, 105, 75)
MEAN_DAYS_AHEAD = (6, 45, 120, 180)
WEEKEND_SHARES = (0.05, 0.7, 0.5, 0.6)
CHANNELS = ("company portal", "website", "agency", "phone")
CHANNEL_SHARES = (
    (0.75, 0.15, 0.03, 0.07),
    (0.01, 0.84, 0.05, 0.1),
    (0.02, 0.63, 0.25, 0.1),
    (0.05, 0.05, 0.6, 0.3),
)
COUNTRIES = ("Austria", "France", "Germany", "Italy", "Norway", "Poland", "Spain", "Switzerland")
WISHES = (
    ("invoice to the company", "early breakfast", "desk in the room", "late arrival"),
    ("quiet room", "balcony please", "late breakfast", "champagne on arrival"),
    ("cot for the baby", "extra bed for a child", "connecting rooms", "high chair"),
    ("coach parking", "rooms on one floor", "one bill for all", "packed lunches"),
)
SHARE_OF_COMMON_WISHES = 0.3
COMMON_WISHES = ("parking space", "vegetarian", "late arrival", "early check-in", "quiet room")
GAPS = {"price": 0.05, "country": 0.08, "wish": 0.35}


def make_bookings(
    n_rows: int = 2000, *, random_state: RandomStateParameter = None
) -> tuple[pd.DataFrame, pd.Series]:
    """Make a table of hotel bookings, with right labels: the purpose of each journey.

    It has numbers, categories, dates, short texts, booleans and missing values, and needs no
    download. Boosted trees tell 19 of 20 purposes from the columns. Use it to try things
    out, with labels made wrong on purpose by `sknoisy.noise`.

    Parameters
    ----------
    n_rows : int, default=2000
        Number of bookings.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same table in every call.

    Returns
    -------
    bookings : DataFrame of shape (n_rows, 9)
        Its index holds the number of each booking.
    purposes : Series of str
        "business", "couple", "family" or "group" for each booking.

    Raises
    ------
    ValueError
        If `n_rows` isn't at least 1.

    Examples
    --------
    >>> from sknoisy.datasets import make_bookings
    >>> bookings, purposes = make_bookings(500, random_state=0)
    >>> bookings.shape
    (500, 9)
    >>> sorted(purposes.unique())
    ['business', 'couple', 'family', 'group']
    """
    if n_rows < 1:
        raise ValueError(f"n_rows must be at least 1, got {n_rows}.")
    # A stream of its own: with the same seed flips of labels must not follow from the columns.
    random = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    codes = random.choice(len(PURPOSES), n_rows, p=PURPOSE_SHARES)
    arrival = draw_arrivals(codes, random)
    days_ahead = random.exponential(np.take(MEAN_DAYS_AHEAD, codes)).astype(int)
    price = np.take(MEAN_PRICE, codes) * random.lognormal(0, 0.3, n_rows)
    columns: dict[str, Any] = {
        "booked_on": arrival - pd.to_timedelta(days_ahead, unit="D"),
        "arrival": arrival,
        "nights": 1 + random.poisson(np.take(MEAN_NIGHTS, codes)),
        "guests": np.take(FEWEST_GUESTS, codes) + random.poisson(np.take(MORE_GUESTS, codes)),
        "price": price.round(2),
        "channel": draw_by_code(CHANNELS, CHANNEL_SHARES, codes, random),
        "country": random.choice(COUNTRIES, n_rows).astype(object),
        "wish": draw_wishes(codes, random),
        "returning": random.random(n_rows) < np.take((0.6, 0.2, 0.3, 0.2), codes),
    }
    index = pd.RangeIndex(10_001, 10_001 + n_rows, name="booking")
    bookings = pd.DataFrame(columns, index=index)
    for name, share in GAPS.items():
        bookings.loc[random.random(n_rows) < share, name] = None
    purposes = np.array(PURPOSES, dtype=object)[codes]
    return bookings, pd.Series(purposes, index=index, name="purpose")


def draw_arrivals(codes: Any, random: np.random.Generator) -> pd.DatetimeIndex:
    """Return days of two years, on the days of the week on which such journeys begin."""
    weeks = random.integers(0, 104, len(codes)) * 7
    on_weekend = random.random(len(codes)) < np.take(WEEKEND_SHARES, codes)
    weekday = np.where(
        on_weekend, random.integers(4, 6, len(codes)), random.integers(0, 4, len(codes))
    )
    # A Monday.
    return pd.Timestamp("2024-01-01") + pd.to_timedelta(weeks + weekday, unit="D")


def draw_by_code(values: Any, shares: Any, codes: Any, random: np.random.Generator) -> Any:
    """Draw a value for each row, with the shares of its class."""
    borders = np.cumsum(np.take(shares, codes, axis=0), axis=1)
    drawn = (random.random(len(codes))[:, None] > borders).sum(axis=1)
    # Sums of shares may end a rounding error below 1.
    return np.array(values, dtype=object)[np.minimum(drawn, len(values) - 1)]


def draw_wishes(codes: Any, random: np.random.Generator) -> Any:
    """Return a short text for each row, often one that says what the journey is for."""
    number = random.integers(0, 4, len(codes))
    own = np.array(WISHES, dtype=object)[codes, number]
    common = random.choice(COMMON_WISHES, len(codes)).astype(object)
    return np.where(random.random(len(codes)) < SHARE_OF_COMMON_WISHES, common, own)
