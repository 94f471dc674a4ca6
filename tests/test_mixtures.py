import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sknoisy.mixtures import fit_beta_mixture, fit_beta_mixtures, gaussian_clean_posterior

PUBLISHED_HISTOGRAM = [9963, 9469, 6097, 4579, 5578, 14314]


@pytest.fixture(scope="module")
def published_mixture():
    return fit_beta_mixture(PUBLISHED_HISTOGRAM)


def test_fit_on_the_published_histogram_gives_the_published_parameters(published_mixture):
    assert_allclose(published_mixture.alpha, [0.531, 1.203], atol=1e-3)
    assert_allclose(published_mixture.beta, [1.430, 0.130], atol=1e-3)
    assert_allclose(published_mixture.weights, [0.610, 0.390], atol=1e-3)


def test_posterior_on_the_published_histogram_is_the_published_table(published_mixture):
    clean, noisy = published_mixture.posterior(np.arange(6))
    assert_allclose(clean, [1.000, 0.945, 0.881, 0.768, 0.526, 0.000], atol=1e-3)
    assert_allclose(noisy, [0.000, 0.055, 0.119, 0.232, 0.474, 1.000], atol=1e-3)


def test_cdf_on_the_published_histogram_is_the_published_table(published_mixture):
    clean, noisy = published_mixture.cdf(np.arange(6))
    assert_allclose(clean, [0.001, 0.516, 0.719, 0.857, 0.951, 1.000], atol=1e-3)
    assert_allclose(noisy, [0.000, 0.018, 0.047, 0.090, 0.164, 0.828], atol=1e-3)


@pytest.mark.parametrize("n_iter, clean_share", [(1, 0.483), (20, 0.610), (50, 0.688)])
def test_clean_share_drifts_with_the_iterations_as_published(n_iter, clean_share):
    mixture = fit_beta_mixture(PUBLISHED_HISTOGRAM, n_iter=n_iter)
    assert_allclose(mixture.weights[0], clean_share, atol=1e-3)


def test_warm_start_continues_where_the_fit_stopped():
    half = fit_beta_mixture(PUBLISHED_HISTOGRAM, n_iter=10)
    continued = fit_beta_mixture(PUBLISHED_HISTOGRAM, n_iter=10, start=half)
    whole = fit_beta_mixture(PUBLISHED_HISTOGRAM, n_iter=20)
    assert_allclose(continued.weights, whole.weights)
    assert_allclose(continued.alpha, whole.alpha)


def test_fit_depends_on_shares_and_not_on_the_number_of_rows():
    small = fit_beta_mixture(PUBLISHED_HISTOGRAM)
    large = fit_beta_mixture(np.multiply(PUBLISHED_HISTOGRAM, 1000))
    assert_allclose(small.alpha, large.alpha)


@pytest.mark.parametrize("histogram", [[100], [0, 0, 50], [0, 0]])
def test_no_mixture_without_two_different_counts(histogram):
    assert fit_beta_mixture(histogram) is None


def test_count_beyond_the_fit_belongs_to_no_component(published_mixture):
    assert_allclose(published_mixture.posterior([7]), [[0], [0]])
    assert_allclose(published_mixture.cdf([7]), [[1], [1]])


@pytest.mark.parametrize("seed", range(5))
def test_posterior_of_well_separated_counts_finds_the_groups(seed):
    rng = np.random.default_rng(seed)
    counts = np.concatenate([rng.binomial(30, 0.1, 700), rng.binomial(30, 0.9, 300)])
    mixture = fit_beta_mixture(np.bincount(counts))
    judged_wrong = (mixture.posterior(counts)[0] < 0.5) & (counts > mixture.low)
    assert (judged_wrong == (np.arange(1000) >= 700)).mean() > 0.98


@pytest.mark.parametrize("histogram", [[50, 0, 0, 0, 1], [1, 0, 0, 50], [10, 10], [0, 3, 1, 0, 9]])
def test_fit_stays_finite_on_small_histograms(histogram):
    mixture = fit_beta_mixture(histogram)
    assert np.isfinite(mixture.alpha).all() and np.isfinite(mixture.beta).all()
    assert np.isfinite(mixture.posterior(np.arange(len(histogram)))).all()


def test_mixtures_of_several_histograms_are_those_of_each_alone():
    rng = np.random.default_rng(0)
    histograms = rng.integers(0, 50, (20, 9)) * (rng.random((20, 9)) < 0.8)
    stacked = fit_beta_mixtures(histograms)
    for number, histogram in enumerate(histograms):
        alone = fit_beta_mixture(histogram)
        assert_allclose(stacked.alpha[:, number], alone.alpha, rtol=1e-9)
        assert_allclose(stacked.posterior(np.arange(9))[:, number], alone.posterior(np.arange(9)))
        assert_allclose(stacked.cdf(np.arange(9))[:, number], alone.cdf(np.arange(9)))


def test_density_is_that_of_the_beta_distribution(published_mixture):
    inner = published_mixture._replace(weights=np.array([1.0, 0.0]))
    scaled = 1e-6 + (1 - 2e-6) * np.arange(6) / 5
    density = stats.beta.pdf(scaled, inner.alpha[0], inner.beta[0])
    assert_allclose(inner.posterior(np.arange(6))[0], density / (density + 1e-6))


# -- Gaussians over losses -----------------------------------------------------------------------


def two_kinds_of_losses(n_clean=300, n_noisy=100):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0.5, 0.1, n_clean), rng.normal(3.0, 0.3, n_noisy)])


def test_rows_of_the_smaller_losses_are_clean():
    posterior = gaussian_clean_posterior(two_kinds_of_losses(), random_state=0)
    assert (posterior[:300] > 0.99).all() and (posterior[300:] < 0.01).all()


def test_posterior_falls_from_the_clean_mean_to_the_noisy_one():
    losses = np.concatenate([np.linspace(0, 0.4, 50), np.linspace(0.2, 1, 50)])
    posterior = gaussian_clean_posterior(losses, random_state=0)
    between = (losses > 0.2) & (losses < 0.6)
    falling = posterior[between][np.argsort(losses[between])]
    assert (np.diff(falling) < 0).all() and falling[0] > 0.9 and falling[-1] < 0.5


@pytest.mark.parametrize(
    "change", [lambda losses: 7 * losses + 3, lambda losses: losses.astype(np.float32)]
)
def test_posterior_depends_on_neither_scale_nor_precision(change):
    losses = two_kinds_of_losses()
    posterior = gaussian_clean_posterior(losses, random_state=0)
    assert_allclose(gaussian_clean_posterior(change(losses), random_state=0), posterior, atol=1e-4)


def test_posterior_repeats_with_its_seed_and_leaves_the_global_one_alone():
    losses = np.random.default_rng(0).gamma(1.0, size=200)
    before = np.random.get_state()
    first = gaussian_clean_posterior(losses, random_state=3)
    assert_array_equal(first, gaussian_clean_posterior(losses, random_state=3))
    assert_array_equal(np.random.get_state()[1], before[1])
    assert np.random.get_state()[2] == before[2]


@pytest.mark.parametrize("losses", [[0.4], [2.0, 2.0], [0.0] * 5, [1.0, 1.0 + 1e-8, 1.0]])
def test_all_rows_are_clean_where_losses_are_equal(losses):
    assert_array_equal(gaussian_clean_posterior(losses, random_state=0), np.ones(len(losses)))


def test_of_two_rows_the_one_of_the_smaller_loss_is_clean():
    assert_allclose(gaussian_clean_posterior([3.0, 1e-7], random_state=0), [0, 1], atol=1e-6)


@pytest.mark.parametrize(
    "losses, message",
    [
        ([0.1, np.nan, 0.3], "must be finite. Got 1 of 3"),
        ([0.1, np.inf, np.nan], "must be finite. Got 2 of 3"),
        ([], r"one loss per row. Got an array of shape \(0,\)"),
        ([[0.1, 0.2]], r"Got an array of shape \(1, 2\)"),
    ],
)
def test_losses_that_cannot_be_fitted_are_refused(losses, message):
    with pytest.raises(ValueError, match=message):
        gaussian_clean_posterior(losses, random_state=0)
