"""All kinds of objects that an estimator may hold."""

from ._writer import Kind


def every_kind() -> tuple[Kind, ...]:
    """Return the kinds, in the order in which they are tried."""
    # torch takes its time.
    from ._nets import NET_KINDS
    from ._objects import OBJECT_KINDS
    from ._plain_values import PLAIN_KINDS
    from ._scikit_learn import SCIKIT_LEARN_KINDS

    return *PLAIN_KINDS, *OBJECT_KINDS, *NET_KINDS, *SCIKIT_LEARN_KINDS
