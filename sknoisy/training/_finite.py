"""Numbers that aren't finite: which row brings them, or that the net itself went wrong."""

import torch

from .._named_inputs import named_entries
from ..exceptions import NonFiniteLossError


def finite_values(module):
    """Return the names of the parameters and buffers whose values are all finite.

    A buffer may hold infinity by design, as the mask of an attention layer does.
    """
    values = {
        name: value.detach().isfinite().all()
        for name, value in (*module.named_parameters(), *module.named_buffers())
        if value.is_floating_point()
    }
    if not values:
        return set()
    is_finite = torch.stack([each.cpu() for each in values.values()]).tolist()
    return {name for name, finite in zip(values, is_finite, strict=True) if finite}


def check_still_finite(net, names):
    """Raise an error if a training has made infinite what was finite before.

    The loss of a batch is computed before its step, so that of the last step says nothing.
    """
    lost = names - finite_values(net.module_)
    if lost:
        raise NonFiniteLossError(
            f"The net's values {min(lost)!r} became NaN or infinite{_epoch(net)}. {_remedy(net)}"
        )


def check_features(X, rows):
    """Raise an error that names the first row of a batch that has NaN or infinity.

    Parameters
    ----------
    X : Tensor of shape (n_rows, ...), or named inputs
    rows : sequence of int
        What to call the rows.
    """
    for name, values in named_entries(X):
        bad = ~values.isfinite().reshape(len(values), -1).all(dim=1)
        if bad.any():
            row = int(rows[int(bad.int().argmax())])
            raise ValueError(f"{name} contains NaN or infinity in row {row}.")


def unusable_rows(logits):
    """Return for each row whether its logits give no probabilities.

    Minus infinity is the logit of a class that can't be, as long as another one can.
    """
    return ~logits.amax(dim=1).isfinite()


def check_logits(net, logits, X, rows):
    """Raise an error for the first row without probabilities, by the net in training.

    Parameters
    ----------
    net : skorch net
    logits : Tensor of shape (n_rows, n_classes)
    X : Tensor of shape (n_rows, ...), or named inputs
    rows : callable
        Returns what to call the rows.
    """
    bad = unusable_rows(logits)
    if not bad.any():
        return
    names, first = rows(), int(bad.int().argmax())
    check_features(X, names)
    raise NonFiniteLossError(
        f"The net's outputs became NaN or infinite{_epoch(net)}, first those of row "
        f"{int(names[first])}, whose values in X go up to {_size(X[first])}. {_remedy(net)}"
    )


def check_probabilities(probabilities, X, first_row):
    """Raise an error for the first row without probabilities, by a net that was fitted."""
    bad = probabilities.isnan().any(dim=1)
    if not bad.any():
        return
    check_features(X, range(first_row, first_row + len(X)))
    row = int(bad.int().argmax())
    raise ValueError(
        f"The net's outputs for row {first_row + row} of X are NaN or infinite. The values of that "
        f"row go up to {_size(X[row])}: scale X as in fit, or leave the row out."
    )


def _size(row):
    largest = max(values.abs().max().item() for _, values in named_entries(row))
    return f"{largest:.3g}"


def _epoch(net):
    return f" in epoch {len(net.history)}" if len(net.history) else ""


def _remedy(net):
    return f"Try a lower learning rate than lr={net.lr}, clip the gradients, or scale X."
