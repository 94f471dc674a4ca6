import pytest
import torch
import torch.nn.functional as F

from sknoisy.augmentation import (
    CropFlip,
    FeatureMasking,
    GaussianNoise,
    NoView,
    StrongAugment,
    resolve_view,
)
from sknoisy.augmentation._image_operations import (
    N_OPERATIONS,
    apply_photometric,
    cover_square,
    geometric_matrices,
    warp,
)

IMAGE_VIEWS = [CropFlip(), CropFlip(padding=3, flip=False), StrongAugment()]
TABLE_VIEWS = [GaussianNoise(), FeatureMasking(rate=0.5)]
AUTOCONTRAST, INVERT, ROTATE = 7, 6, 8


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n_images=16, n_channels=3, height=32, width=32, seed=1):
    return torch.rand(n_images, n_channels, height, width, generator=seeded(seed))


def random_table(n_rows=50, n_features=4, seed=1):
    return torch.randn(n_rows, n_features, generator=seeded(seed))


def view_cases():
    cases = [(view, random_images()) for view in IMAGE_VIEWS]
    cases += [(view, random_table()) for view in TABLE_VIEWS]
    return pytest.mark.parametrize("view, X", cases, ids=lambda case: type(case).__name__)


def is_row_of(candidate, batch):
    return any(torch.equal(candidate, row) for row in batch)


@view_cases()
def test_view_keeps_shape_and_dtype_and_changes_values(view, X):
    seen = view(X, seeded())
    assert seen.shape == X.shape
    assert seen.dtype == X.dtype
    assert not torch.equal(seen, X)


@view_cases()
def test_view_keeps_double_precision(view, X):
    assert view(X.double(), seeded()).dtype == torch.float64


@view_cases()
def test_same_generator_seed_gives_same_view_and_another_seed_another(view, X):
    assert torch.equal(view(X, seeded(3)), view(X, seeded(3)))
    assert not torch.equal(view(X, seeded(3)), view(X, seeded(4)))


@view_cases()
def test_two_calls_with_one_generator_differ(view, X):
    generator = seeded()
    assert not torch.equal(view(X, generator), view(X, generator))


@view_cases()
def test_view_leaves_global_random_state_alone(view, X):
    before = torch.random.get_rng_state()
    view(X, seeded())
    assert torch.equal(torch.random.get_rng_state(), before)


@view_cases()
def test_view_leaves_input_alone(view, X):
    before = X.clone()
    view(X, seeded())
    assert torch.equal(X, before)


@view_cases()
def test_view_takes_a_batch_of_one_row(view, X):
    assert view(X[:1], seeded()).shape == X[:1].shape


@pytest.mark.parametrize("view", IMAGE_VIEWS)
@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("height, width", [(8, 8), (32, 20)])
def test_image_views_take_any_channels_and_sides(view, n_channels, height, width):
    X = random_images(8, n_channels, height, width)
    assert view(X, seeded()).shape == X.shape


@pytest.mark.parametrize("view", IMAGE_VIEWS)
def test_image_views_refuse_tables(view):
    with pytest.raises(ValueError, match=r"X must be a batch of images.*\(50, 4\)"):
        view(random_table(), seeded())


def test_each_crop_is_a_part_of_the_reflected_image():
    X = random_images(n_images=10, height=9, width=12)
    cropped = CropFlip(padding=2, flip=False)(X, seeded())
    padded = F.pad(X, (2, 2, 2, 2), mode="reflect")
    for before, after in zip(padded, cropped, strict=True):
        windows = before.unfold(1, 9, 1).unfold(2, 12, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
        assert is_row_of(after, windows)


def test_crops_reach_every_place():
    X = random_images(n_images=1, height=6, width=6).expand(400, -1, -1, -1)
    cropped = CropFlip(padding=1, flip=False)(X, seeded())
    assert len(cropped.flatten(1).unique(dim=0)) == 9


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    X = random_images(n_images=200)
    flipped = CropFlip(padding=0)(X, seeded())
    mirrored = (flipped == X.flip(3)).flatten(1).all(dim=1)
    unchanged = (flipped == X).flatten(1).all(dim=1)
    assert torch.all(mirrored ^ unchanged)
    assert 70 < mirrored.sum() < 130


def test_no_padding_and_no_flip_gives_the_image_back():
    X = random_images()
    assert torch.equal(CropFlip(padding=0, flip=False)(X, seeded()), X)


@pytest.mark.parametrize("side, padding", [(8, 1), (28, 3), (32, 4), (64, 8)])
def test_default_padding_is_an_eighth_of_the_side(side, padding):
    X = random_images(height=side, width=side)
    assert torch.equal(CropFlip()(X, seeded()), CropFlip(padding=padding)(X, seeded()))


def test_padding_as_large_as_the_image_is_refused():
    with pytest.raises(ValueError, match="padding must be smaller than the shorter side.*8 pixels"):
        CropFlip(padding=8)(random_images(height=8, width=16), seeded())


@pytest.mark.parametrize("n_channels", [1, 3])
def test_strong_view_stays_in_unit_interval(n_channels):
    view = StrongAugment(n_operations=4, probability=1.0)
    seen = view(random_images(300, n_channels), seeded())
    assert seen.min() >= 0
    assert seen.max() <= 1


def test_strong_view_differs_between_copies_of_one_image():
    X = random_images(n_images=1).expand(20, -1, -1, -1)
    seen = StrongAugment(padding=0, flip=False, cutout=0.0)(X, seeded())
    unchanged = (seen == X).flatten(1).all(dim=1)
    assert 0 < unchanged.sum() < 20
    assert len(seen.flatten(1).unique(dim=0)) > 5


def test_strong_view_without_operations_is_a_crop_with_a_grey_square():
    X = random_images(height=40, width=40) * 0.4
    seen = StrongAugment(probability=0.0, padding=0, flip=False)(X, seeded())
    grey = (seen == 0.5).all(dim=1)
    assert torch.equal(seen.masked_fill(grey[:, None], 0), X.masked_fill(grey[:, None], 0))
    n_grey = grey.flatten(1).sum(dim=1)
    assert n_grey.max() == 6 * 6
    assert n_grey.min() >= 3 * 3


def test_strong_view_with_everything_off_is_the_image():
    X = random_images()
    view = StrongAugment(n_operations=0, cutout=0.0, padding=0, flip=False)
    assert torch.equal(view(X, seeded()), X)


@pytest.mark.parametrize("operation", sorted(set(range(N_OPERATIONS)) - {INVERT, AUTOCONTRAST}))
def test_operation_without_strength_changes_nothing(operation):
    X = (random_images() * 255).round() / 255
    operations, levels = torch.full((16,), operation), torch.zeros(16)
    seen = apply_photometric(X, operations, levels)
    seen = warp(seen, geometric_matrices(operations, levels, X.shape[2:]))
    torch.testing.assert_close(seen, X, atol=1e-6, rtol=0)


@pytest.mark.parametrize("operation", range(N_OPERATIONS))
@pytest.mark.parametrize("level", [-0.9, 0.9])
def test_operation_changes_only_its_own_images(operation, level):
    X = 0.2 + 0.6 * random_images()
    operations = torch.full((16,), -1)
    operations[::2] = operation
    levels = torch.full((16,), level)
    seen = apply_photometric(X, operations, levels)
    seen = warp(seen, geometric_matrices(operations, levels, X.shape[2:]))
    changed = (seen != X).flatten(1).any(dim=1)
    assert changed.tolist() == [True, False] * 8


def test_posterize_leaves_sixteen_levels_at_full_strength():
    X = torch.arange(256).view(1, 1, 16, 16) / 255
    seen = apply_photometric(X, torch.tensor([5]), torch.tensor([1.0]))
    assert torch.equal((seen * 255).round().unique(), 16.0 * torch.arange(16))


def test_autocontrast_stretches_every_channel_and_leaves_plain_images():
    X = torch.cat([0.3 + 0.4 * random_images(1), torch.full((1, 3, 32, 32), 0.3)])
    seen = apply_photometric(X, torch.full((2,), AUTOCONTRAST), torch.zeros(2))
    assert torch.equal(seen[0].amin(dim=(1, 2)), torch.zeros(3))
    assert torch.equal(seen[0].amax(dim=(1, 2)), torch.ones(3))
    assert torch.equal(seen[1], X[1])


def test_rotation_keeps_lengths_in_an_oblong_image():
    X = torch.full((1, 1, 33, 65), 0.5)
    X[0, 0, 16, 32 - 10] = X[0, 0, 16, 32 + 10] = 1.0
    rotated = warp(X, geometric_matrices(torch.tensor([ROTATE]), torch.tensor([1.0]), (33, 65)))
    lit = (rotated[0, 0] - 0.5).flatten()
    ends = torch.stack([torch.arange(33 * 65) // 65 - 16.0, torch.arange(33 * 65) % 65 - 32.0])
    right = lit * (ends[1] > 0)
    end = (ends * right).sum(dim=1) / right.sum()
    assert end.norm() == pytest.approx(10, abs=0.5)
    assert abs(end[0]) == pytest.approx(5, abs=0.5)


def test_translation_by_full_strength_moves_a_twentieth_of_the_side():
    X = random_images(1, height=40, width=40)
    moved = warp(
        X, geometric_matrices(torch.tensor([N_OPERATIONS - 1]), torch.tensor([1.0]), (40, 40))
    )
    torch.testing.assert_close(moved[:, :, :38], X[:, :, 2:], atol=1e-4, rtol=0)
    assert torch.all(moved[:, :, 38:] == 0.5)


def test_square_is_cut_off_at_the_border():
    covered = cover_square(torch.zeros(1, 1, 20, 20), torch.tensor([[0.0, 0.5]]), 0.2)[0, 0]
    assert covered.nonzero().amin(dim=0).tolist() == [0, 8]
    assert covered.nonzero().amax(dim=0).tolist() == [1, 11]


@pytest.mark.parametrize("value", [7.0, 0.1, 1000.1])
def test_noise_leaves_constant_columns_alone(value):
    X = random_table()
    X[:, 2] = value
    seen = GaussianNoise(scale=0.5)(X, seeded())
    assert torch.equal(seen[:, 2], X[:, 2])
    assert not torch.equal(seen[:, 1], X[:, 1])


def test_noise_has_the_asked_share_of_each_feature_spread():
    scales = torch.tensor([0.01, 1.0, 1000.0])
    X = random_table(20000, 3) * scales
    noise = GaussianNoise(scale=0.2)(X, seeded()) - X
    torch.testing.assert_close(noise.std(dim=0) / scales, torch.full((3,), 0.2), rtol=0.05, atol=0)


def test_masking_takes_values_from_other_rows_of_the_same_column():
    X = torch.arange(200.0).view(50, 4)
    seen = FeatureMasking(rate=1.0)(X, seeded())
    assert torch.all(seen % 4 == X % 4)
    assert torch.all(torch.isin(seen, X))
    assert torch.all(seen != X)


def test_masking_replaces_the_asked_share():
    X = torch.arange(20000.0).view(5000, 4)
    replaced = FeatureMasking(rate=0.3)(X, seeded()) != X
    torch.testing.assert_close(
        replaced.float().mean(dim=0), torch.full((4,), 0.3), atol=0.03, rtol=0
    )


def test_masking_draws_cells_of_a_row_apart():
    X = torch.arange(200.0).view(50, 4)
    donors = FeatureMasking(rate=1.0)(X, seeded()) // 4
    assert torch.any(donors != donors[:, :1])


def test_no_view_is_the_batch_itself():
    X = random_table()
    assert NoView()(X, seeded()) is X


@pytest.mark.parametrize(
    "name, view",
    [
        ("crop_flip", CropFlip()),
        ("crop", CropFlip(flip=False)),
        ("strong", StrongAugment()),
        ("noise", GaussianNoise()),
        ("masking", FeatureMasking()),
        (None, NoView()),
    ],
)
def test_resolve_view_knows_names(name, view):
    assert resolve_view(name) == view


def test_resolve_view_hands_back_callables():
    view = GaussianNoise(scale=2.0)
    assert resolve_view(view) is view


@pytest.mark.parametrize("view", ["croppy", 3, CropFlip])
def test_resolve_view_names_what_it_knows(view):
    with pytest.raises(ValueError, match="'crop_flip', 'crop', 'strong', 'noise', 'masking'"):
        resolve_view(view)


@pytest.mark.parametrize(
    "view, parameter, value",
    [
        (GaussianNoise, "scale", -1),
        (FeatureMasking, "rate", 1.5),
        (CropFlip, "padding", -1),
        (StrongAugment, "n_operations", -1),
        (StrongAugment, "probability", 2),
        (StrongAugment, "magnitude", -0.1),
        (StrongAugment, "cutout", 15),
        (StrongAugment, "padding", -2),
    ],
)
def test_view_parameter_out_of_range_is_named(view, parameter, value):
    with pytest.raises(ValueError, match=f"{parameter} must be .*got {value}"):
        view(**{parameter: value})
