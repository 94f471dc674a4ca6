"""Damage saved models and entries of the cache by the thousand, and see what becomes of them.

A file that is damaged must be refused, or give equal results; nothing else may happen.

    python benchmarks/damaged_files.py --n-files 1000 --n-entries 60
"""

import argparse
import io
import random
import tempfile
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

import sknoisy
from sknoisy.exceptions import CacheWarning, ModelFileError
from sknoisy.nets import TabularNet

MOST_BYTES = 200


def table(n_rows=60):
    """Rows of numbers and categories, and labels in words."""
    generator = np.random.default_rng(0)
    size = generator.normal(size=n_rows)
    colour = generator.choice(["red", "blue"], n_rows)
    return pd.DataFrame({"size": size, "colour": colour}), np.where(size > 0, "large", "small")


def small_net():
    return TabularNet(module__n_units=8, max_epochs=2)


def answers(model, X, y):
    return [model.predict_proba(X), model.score_labels(X, y), model.label_quality_]


def are_equal(one, other):
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


# -- models --------------------------------------------------------------------------------------


def one_bit(content, generator):
    damaged = bytearray(content)
    damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
    return bytes(damaged)


def some_bytes(content, generator):
    damaged = bytearray(content)
    for _ in range(generator.randrange(2, MOST_BYTES)):
        damaged[generator.randrange(len(damaged))] = generator.randrange(256)
    return bytes(damaged)


def cut(content, generator):
    start, end = sorted(generator.randrange(len(content)) for _ in range(2))
    return generator.choice([content[:start], content[:start] + content[end:]])


def one_part(content, generator):
    """Damage a part, in an archive that is whole by its own checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = generator.choice(sorted(parts))
    parts[name] = one_bit(parts[name], generator)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for each, part in parts.items():
            archive.writestr(each, part)
    return stream.getvalue()


DAMAGES = (one_bit, some_bytes, cut, one_part)


def damage_models(n_files, folder):
    """Return how often which damage led to what."""
    X, y = table()
    final = HistGradientBoostingClassifier(max_iter=3)
    model = sknoisy.RobustClassifier(net=small_net(), final_estimator=final, random_state=0)
    expected = answers(model.fit(X, y), X, y)
    path = folder / "model.sknoisy"
    sknoisy.save(model, path)
    content, generator, found = path.read_bytes(), random.Random(0), Counter()
    for number in range(n_files):
        damage = DAMAGES[number % len(DAMAGES)]
        path.write_bytes(damage(content, generator))
        try:
            loaded = sknoisy.load(path)
        except ModelFileError:
            found[damage.__name__, "refused"] += 1
            continue
        is_equal = are_equal(expected, answers(loaded, X, y))
        found[damage.__name__, "equal" if is_equal else "DIFFERENT"] += 1
    return found


# -- the cache -----------------------------------------------------------------------------------


def damage_entries(n_entries, folder):
    """Return how often a changed bit in the cache led to what."""
    X, y = table()

    def fitted():
        model = sknoisy.RobustClassifier(net=small_net(), random_state=0, memory=str(folder))
        return answers(model.fit(X, y), X, y)

    expected = fitted()
    (path,) = folder.rglob("output.pkl")
    content, generator, found = path.read_bytes(), random.Random(0), Counter()
    for _ in range(n_entries):
        path.write_bytes(one_bit(content, generator))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            is_equal = are_equal(expected, fitted())
        is_told = any(issubclass(each.category, CacheWarning) for each in caught)
        found["equal" if is_equal else "DIFFERENT", "told" if is_told else "silent"] += 1
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-files", type=int, default=1000)
    parser.add_argument("--n-entries", type=int, default=60)
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        found = damage_models(chosen.n_files, Path(folder))
    for (damage, result), count in sorted(found.items()):
        print(f"models, {damage.replace('_', ' ')}: {result} {count}")
    with tempfile.TemporaryDirectory() as folder:
        found = damage_entries(chosen.n_entries, Path(folder))
    for (result, told), count in sorted(found.items()):
        print(f"entries of the cache: {result}, {told} {count}")


if __name__ == "__main__":
    main()
