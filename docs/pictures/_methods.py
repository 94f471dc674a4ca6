"""One picture for each method: what it sees of right and of wrong labels."""

import numpy as np
from scipy.special import logit

from ._runs import KEPT, fitted, noisy_digits, plain_training, posterior_of_losses
from ._style import OTHER, RIGHT, TEXT, WRONG, matrix, new_figure, threshold_line, two_histograms


def cross_entropy():
    shares, _, _ = plain_training()
    figure, (axes,) = new_figure()
    epochs = np.arange(1, len(shares) + 1)
    axes.plot(epochs, shares[:, 0], color=RIGHT, label="right labels learnt")
    axes.plot(epochs, shares[:, 1], color=WRONG, linestyle="--", label="wrong labels learnt")
    axes.plot(epochs, shares[:, 2], color=OTHER, linestyle=":", linewidth=2, label="accuracy, test")
    axes.set(xlabel="epoch", ylabel="share", ylim=(0, 1.02), xlim=(0, len(shares)))
    axes.legend(loc="center left", bbox_to_anchor=(0.02, 0.5))
    return figure


def wrong_event():
    _, wrong, _ = fitted("wrong_event")
    evidence = KEPT["wrong_event"]
    figure, (axes,) = new_figure()
    bins = np.arange(evidence.n_events + 2) - 0.5
    two_histograms(axes, evidence.counts, wrong, bins, legend="upper center")
    axes.set_xlabel("epochs in which the net contradicts the given label")
    return figure


def lsw():
    return weights_of("lsw", "learned weight of the row", edges(26))


def bhn():
    detector, wrong, judged = fitted("bhn", trusted_share=0.3)
    score = detector.evidence_.score
    order = np.argsort(score[judged], kind="stable")
    figure, (axes,) = new_figure()
    ranks = np.arange(1, judged.sum() + 1)
    for of_wrong, color, words, marker in (
        (False, RIGHT, "right labels", "o"),
        (True, WRONG, "wrong labels", "x"),
    ):
        rows = wrong[judged][order] == of_wrong
        values = score[judged][order][rows]
        axes.scatter(ranks[rows][::3], values[::3], s=9, color=color, marker=marker, label=words)
    axes.axhline(0.1, color=TEXT, linestyle="--", linewidth=1)
    axes.text(ranks[-1], 0.08, "flagged below α = 0.1", ha="right", va="top")
    axes.set(xlabel="rows, the most suspicious first", ylabel="adjusted p-value")
    axes.set_yscale("log")
    axes.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    axes.set_ylim(0.005, 1.5)
    axes.legend(loc="upper left")
    return figure


def cores():
    detector, wrong, judged = fitted("cores")
    values = -logit(detector.evidence_.score[judged].clip(1e-7, 1 - 1e-7))
    figure, (axes,) = new_figure()
    low, high = np.quantile(values, [0.002, 0.998])
    two_histograms(axes, values, wrong[judged], np.linspace(low, high, 40), legend="upper center")
    threshold_line(axes, 0, "sieved out", side="right")
    axes.set_xlabel("loss of the given label, less the mean loss over all labels")
    return figure


def cal():
    return weights_of("cal", "score of the given label after the first training", edges(31))


def edges(number):
    return np.linspace(0, 1, number)


def dividemix():
    _, losses, wrong = plain_training()
    posterior = posterior_of_losses(losses)
    figure, (axes,) = new_figure()
    two_histograms(axes, losses, wrong, np.linspace(0, np.quantile(losses, 0.995), 40))
    axes.set_xlabel("loss of the given label after a short warm-up")
    beside = axes.twinx()
    order = np.argsort(losses)
    beside.plot(losses[order], posterior[order], color=TEXT, linewidth=1.3)
    beside.set(ylabel="probability (line)", ylim=(0, 1.05), yticks=[0, 0.5, 1])
    beside.spines["right"].set_visible(True)
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.93))
    return figure


def weights_of(name, words, bins):
    detector, wrong, judged = fitted(name)
    figure, (axes,) = new_figure()
    values = detector.evidence_.score[judged]
    two_histograms(axes, values, wrong[judged], bins)
    threshold_line(axes, detector.evidence_.threshold, "flagged", side="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.65, 0.9))
    axes.set_xlabel(words)
    return figure


def aum():
    figure = weights_of("aum", "logistic function of the area under the margin", edges(31))
    figure.axes[0].legend(loc="upper right")
    return figure


def co_teaching():
    return weights_of("co_teaching", "how often a row was picked", edges(31))


def disc():
    return weights_of("disc", "how often a row was found clean", edges(31))


def distillation():
    return weights_of("distillation", "margin of the given label in the prediction", edges(31))


def elr():
    return weights_of("elr", "how well the memory agrees with the given label", edges(31))


def fsr():
    return weights_of("fsr", "mean margin of the given label over the later epochs", edges(31))


def gjs():
    return weights_of("gjs", "margin of the given label in the prediction", edges(31))


def ieg():
    return weights_of("ieg", "share of the given label in the target", edges(31))


def m_correction():
    return weights_of(
        "m_correction", "probability that the label is right, by the mixture of losses", edges(31)
    )


def mentornet():
    return weights_of("mentornet", "share of the later epochs in which a row was kept", edges(31))


def pes():
    return weights_of("pes", "margin of the given label in the last prediction", edges(31))


def vahdat():
    return weights_of("vahdat", "mean margin of the given label over the later epochs", edges(31))


def l2rw():
    figure, (axes,) = new_figure(height=2.7, width=5)
    arrows = (
        ((1.0, 0.25), OTHER, "trusted batch", (8, 6)),
        ((0.75, 0.75), RIGHT, "row 1: weight 0.79", (6, 6)),
        ((0.55, -0.45), RIGHT, "row 2: weight 0.37", (8, -4)),
        ((-0.75, 0.35), WRONG, "row 3: weight 0", (-2, 9)),
        ((-0.35, -0.6), WRONG, "row 4: weight 0", (-2, -12)),
    )
    for (x, y), color, words, offset in arrows:
        style = {"arrowstyle": "-|>", "color": color, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x, y), (0, 0), arrowprops=style)
        side = "left" if x > 0 else "right"
        axes.annotate(words, (x, y), offset, textcoords="offset points", ha=side, va="center")
    border = np.array([-0.25, 1.0]) / np.hypot(0.25, 1.0) * 0.95
    axes.plot(*np.array([-border, border]).T, color=TEXT, linewidth=0.8, linestyle="--")
    axes.set(xlim=(-1.6, 1.9), ylim=(-0.95, 1.0), aspect="equal")
    axes.axis("off")
    return figure


def meta_weight_net():
    detector, wrong, judged = fitted("meta_weight_net")
    score = detector.evidence_.score
    loss = -np.log(detector.evidence_.margin.clip(1e-7, 1 - 1e-4))
    figure, (axes,) = new_figure()
    for of_wrong, color, words, marker in (
        (False, RIGHT, "right labels", "o"),
        (True, WRONG, "wrong labels", "x"),
    ):
        rows = np.flatnonzero(judged & (wrong == of_wrong))[::4]
        weight = score[rows] / (1 - score[rows])
        axes.scatter(
            loss[rows], weight, s=9, color=color, marker=marker, label=words, linewidth=0.8
        )
    axes.set(xlabel="loss of the given label at the end", ylabel="weight / mean weight")
    axes.set_xscale("log")
    axes.set_xticks([0.0001, 0.01, 1], ["0.0001", "0.01", "1"])
    axes.legend(loc="lower left")
    return figure


def nlnl():
    rates = np.array([0.1, 0.2, 0.4, 0.6])
    figure, (axes,) = new_figure()
    places = np.arange(len(rates))
    style = {"width": 0.36, "edgecolor": TEXT, "linewidth": 0.4}
    axes.bar(places - 0.19, rates, color=WRONG, label="“it is the given label” is false", **style)
    axes.bar(
        places + 0.19,
        rates / 9,
        color=RIGHT,
        label="“it is not this other label” is false",
        **style,
    )
    for place, rate in zip(places, rates, strict=True):
        axes.text(place - 0.19, rate + 0.01, f"{rate:.0%}", ha="center", va="bottom")
        axes.text(place + 0.19, rate / 9 + 0.01, f"{rate / 9:.1%}", ha="center", va="bottom")
    axes.set_xticks(places, [f"{rate:.0%}" for rate in rates])
    axes.set(xlabel="share of wrong labels, ten classes", ylabel="chance", ylim=(0, 0.72))
    axes.legend(loc="upper left")
    return figure


def simifeat():
    random = np.random.default_rng(3)
    centers = np.array([[0, 0], [2.6, 0.7]])
    points = np.concatenate([center + random.normal(size=(28, 2)) * 0.75 for center in centers])
    labels = np.repeat([0, 1], 28)
    suspect = int(np.argmin(np.abs(points[:28] - [0.25, 0.1]).sum(axis=1)))
    labels[suspect] = 1
    distances = np.linalg.norm(points - points[suspect], axis=1)
    neighbours = np.argsort(distances)[1:10]
    figure, (axes,) = new_figure(width=5.2, height=2.9)
    for row in neighbours:
        ends = points[[suspect, row]].T
        axes.plot(*ends, color=OTHER, linewidth=0.8, zorder=1)
    for label, color, marker in ((0, RIGHT, "o"), (1, WRONG, "s")):
        at = points[labels == label].T
        axes.scatter(*at, s=30, color=color, marker=marker, label=f"label {label}", zorder=2)
    ring = {"s": 170, "facecolor": "none", "edgecolor": TEXT, "linewidth": 1.3, "zorder": 3}
    axes.scatter(*points[suspect], **ring)
    votes = np.bincount(labels[neighbours], minlength=2)
    axes.annotate(
        f"given: 1\nneighbours: {votes[0]} × 0, {votes[1]} × 1",
        points[suspect],
        (-70, 62),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": TEXT, "linewidth": 0.7},
        ha="center",
    )
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.axis("off")
    axes.legend(loc="lower right")
    return figure


def deep_knn():
    words = "votes for the given label, against the strongest other one"
    return weights_of("deep_knn", words, edges(31))


CAT_DOG_FOX = np.array([[0.7, 0.25, 0.05], [0.1, 0.85, 0.05], [0.05, 0.35, 0.6]])


def forward():
    prediction = np.array([0.80, 0.15, 0.05])
    figure, (left, middle, right) = new_figure(3, height=2.3)
    bars_of(left, prediction, "prediction: true class")
    matrix(middle, CAT_DOG_FOX, "× transition matrix", digits=2)
    name_rows(middle)
    bars_of(right, prediction @ CAT_DOG_FOX, "= expected given label")
    return figure


def bars_of(axes, values, title):
    axes.bar(["cat", "dog", "fox"], values, color=RIGHT, edgecolor=TEXT, linewidth=0.4, width=0.7)
    for place, value in enumerate(values):
        axes.text(place, value + 0.02, f"{value:.2f}", ha="center", fontsize=9)
    axes.set(ylim=(0, 1), title=title, yticks=[])
    axes.spines["left"].set_visible(False)


def name_rows(axes):
    names, places = ["cat", "dog", "fox"], [0.5, 1.5, 2.5]
    axes.set_xticks(places, names)
    axes.set_yticks(places, names)
    axes.tick_params(length=0)
    axes.set(xlabel="given", ylabel="true")


def backward():
    figure, (left, right) = new_figure(2, height=2.5, width=5.4)
    matrix(left, CAT_DOG_FOX, "transition matrix", digits=2)
    matrix(right, np.linalg.inv(CAT_DOG_FOX), "its inverse", digits=2)
    name_rows(left)
    right.set(xlabel="loss of each class", ylabel="given")
    right.set_xticks([0.5, 1.5, 2.5], ["cat", "dog", "fox"])
    right.set_yticks([0.5, 1.5, 2.5], ["cat", "dog", "fox"])
    right.tick_params(length=0)
    return figure


def t_revision():
    return matrices("forward", "estimated at first", "t_revision", "revised")


def glc():
    return matrices("glc", "read off trusted rows")


def matrices(*names_and_titles):
    """Draw the true matrix of pair noise, and what methods make of it."""
    _, y, given, _ = noisy_digits("pair", 0.3)
    true = np.array([np.bincount(given[y == k], minlength=10) / (y == k).sum() for k in range(10)])
    names, titles = names_and_titles[::2], names_and_titles[1::2]
    figure, axes = new_figure(1 + len(names), height=2.5, width=2.2 * (1 + len(names)))
    matrix(axes[0], true, "true")
    axes[0].set(xlabel="given label", ylabel="true class")
    for each, name, title in zip(axes[1:], names, titles, strict=True):
        estimate = fitted(name, "pair", 0.3)[0].transition_matrix_
        matrix(each, estimate, title)
        each.set_xlabel(f"mean error {np.abs(estimate - true).mean():.3f}")
    return figure


def ptd():
    parts = [
        np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9]]),
        np.array([[0.4, 0.1, 0.5], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]]),
    ]
    mixed = 0.3 * parts[0] + 0.7 * parts[1]
    figure, axes = new_figure(3, height=2.3)
    matrix(axes[0], parts[0], "0.3 × part 1: clear", digits=1)
    matrix(axes[1], parts[1], "+ 0.7 × part 2: blurred", digits=1)
    matrix(axes[2], mixed, "= matrix of this row", digits=2)
    return figure


PICTURES = {
    function.__name__: function
    for function in (
        aum,
        backward,
        bhn,
        cal,
        co_teaching,
        cores,
        cross_entropy,
        deep_knn,
        disc,
        distillation,
        dividemix,
        elr,
        forward,
        fsr,
        gjs,
        glc,
        ieg,
        l2rw,
        lsw,
        m_correction,
        mentornet,
        meta_weight_net,
        nlnl,
        pes,
        ptd,
        simifeat,
        t_revision,
        vahdat,
        wrong_event,
    )
}
