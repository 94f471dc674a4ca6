"""The dynamically weighted loss of the second stage of wrong event."""

import numpy as np
import torch

PROBABILITY_FLOOR = 1e-4


def weight_tables(mixtures, n_levels, difficulty, device):
    """Return the weights of the cross-entropy and similarity terms by class and count.

    Shape (2, n_classes, n_levels). Counts beyond the last fit have density zero under both
    components: both weights are 0 there, and the row is treated as wrongly labelled.
    """
    counts = np.arange(n_levels)
    tables = [_weights(mixture, counts, difficulty) for mixture in mixtures]
    stacked = np.stack(tables, axis=1)
    return torch.from_numpy(stacked).float().to(device)


def _weights(mixture, counts, difficulty):
    if mixture is None:
        return np.ones((2, len(counts)))
    clean, noisy = mixture.posterior(counts)
    clean_cdf, noisy_cdf = mixture.cdf(counts)
    return np.stack([clean, DIFFICULTIES[difficulty](clean, noisy, clean_cdf, noisy_cdf)])


DIFFICULTIES = {
    "published": lambda t1, t2, f1, f2: t1 * f1 + (1 - t2) * (1 - f2),
    "symmetric": lambda t1, t2, f1, f2: t1 * f1 + t2 * (1 - f2),
    "one": lambda t1, t2, f1, f2: np.ones_like(t1),
    "zero": lambda t1, t2, f1, f2: np.zeros_like(t1),
}


def dynamic_loss(weak, strong, cross_entropies, weights, *, noisy_term="entropy", similarity="logits"):
    clean, similar = weights
    losses = clean * cross_entropies + similar * _distance(weak, strong, similarity)
    if noisy_term == "none":
        return losses
    return losses + (1 - clean) * _uncertainty(weak, strong, noisy_term)


def _distance(weak, strong, similarity):
    if similarity == "probabilities":
        weak, strong = weak.softmax(1), strong.softmax(1)
    return ((weak - strong) ** 2).mean(dim=1)


def _uncertainty(weak, strong, noisy_term):
    both = torch.stack([weak.softmax(1), strong.softmax(1)])
    mean = both.clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR).mean(0)
    entropy = -(mean * mean.log()).sum(1)
    if noisy_term == "confident_entropy":
        return entropy * mean.max(1).values.detach()
    return entropy
