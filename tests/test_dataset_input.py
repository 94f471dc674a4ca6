"""torch Datasets, with labels of their own or beside them."""

import numpy as np
import pytest
import torch
from PIL import Image
from skorch.dataset import ValidSplit
from small_data import SHORT, easy_table, plain_skorch_net, tiny_image_classifier, tiny_images
from torch.utils.data import Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor

from sknoisy import NoisyLabelDetector, RobustClassifier


def test_labels_beside_a_dataset_take_the_place_of_its_own():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X), torch.zeros(len(y)))
    names = np.array(["cat", "dog"])[y]
    fitted = RobustClassifier(**SHORT).fit(dataset, names)
    assert fitted.score(dataset, names) > 0.7


def test_fit_resample_of_a_dataset_returns_a_subset():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    detector = NoisyLabelDetector(**SHORT)
    X_kept, y_kept = detector.fit_resample(dataset)
    assert isinstance(X_kept, Subset)
    np.testing.assert_array_equal([int(label) for _, label in X_kept], y_kept)


def test_a_dataset_respects_the_nets_own_split():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X).float(), torch.from_numpy(y))
    net = plain_skorch_net(train_split=ValidSplit(4), max_epochs=3)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(dataset)
    assert "valid_loss" in fitted.history_[-1]


@pytest.fixture
def image_folder(tmp_path):
    X, y = tiny_images(16)
    for row, (image, code) in enumerate(zip(X, y, strict=True)):
        folder = tmp_path / ("left", "right")[code]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{row:02d}.png")
    return tmp_path


def test_a_folder_of_images_is_a_dataset(image_folder):
    dataset = ImageFolder(image_folder, transform=ToTensor())
    fitted = tiny_image_classifier().fit(dataset)
    assert list(fitted.classes_) == [0, 1]
    assert fitted.predict_proba(dataset).shape == (16, 2)
    assert len(fitted.get_label_issues()) == 16


def test_a_folder_of_images_equals_the_array_of_its_pixels(image_folder):
    dataset = ImageFolder(image_folder, transform=ToTensor())
    X = np.stack([image.numpy() for image, _ in dataset])
    y = np.array(dataset.targets)
    from_folder = tiny_image_classifier().fit(dataset)
    from_array = tiny_image_classifier().fit(X, y)
    np.testing.assert_allclose(from_folder.label_quality_, from_array.label_quality_, atol=1e-4)
