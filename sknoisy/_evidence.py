"""The costly part of a fit, as one function that can be cached."""

from importlib.metadata import version

from sklearn.utils.validation import check_memory, check_random_state

from .training import Trainer

VERSIONS = tuple((name, version(name)) for name in ("sknoisy", "skorch", "torch"))
MAX_SEED = 2**31 - 1


def draw_seed(random_state):
    """Return an integer seed from whatever scikit-learn accepts as `random_state`."""
    return int(check_random_state(random_state).randint(MAX_SEED))


def collect_evidence(method, net, data, random_state, *, joint, settings, memory, verbose):
    """Train by the method, or take the result of an equal training from the cache.

    Parameters
    ----------
    method : Method
    net : as the user gave it
    data : TrainingData
    random_state : int or None
        None is part of the key like any other value: with a cache, equal calls share one
        training.
    joint : bool
        Whether the method's own classifier is wanted too.
    settings : dict
        `device`, `max_epochs`, `batch_size` and `lr`.
    memory : None, str or joblib.Memory
    verbose : int

    Returns
    -------
    LabelEvidence
    """
    cached = check_memory(memory).cache(_train, ignore=["verbose"])
    return cached(method, net, data, random_state, joint, settings, VERSIONS, verbose)


def _train(method, net, data, random_state, joint, settings, versions, verbose):
    trainer = Trainer(net, data, seed=draw_seed(random_state), verbose=verbose, **settings)
    evidence = method.detect(trainer, data)
    return method.train_joint(trainer, data, evidence) if joint else evidence
