"""LabelQualityReport."""

import json
import os
import tempfile
import webbrowser
from datetime import date
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike

from .._arrays import plain
from .._typing import Features, Labels
from ..review._files import _as_json, _records
from ._charts import histogram
from ._classes import MAX_CLASSES, MAX_GROUPS, class_rates, confusions, group_rates, matrices
from ._content import check_n_rows
from ._findings import UNKNOWN, collect_findings
from ._listing import MAX_LISTED, listing
from ._overview import competence, final_training, summary, trust, what_was_run
from ._page import as_frame, render_markdown, render_page
from ._table_report import TableReportPage, table_report_page
from ._training_curves import training_curves
from ._truth import compared_with_truth
from ._words import clean_text, percent, rows

SCHEMA_VERSION = "1.0"
# Rows to review in the forms that a program or a person reads.
N_QUEUE_OF_JSON = 1000
N_QUEUE_OF_MARKDOWN = 20


class LabelQualityReport:
    """A page to look through what was found in the labels, to decide on, and to show to others.

    The page is one HTML file that needs nothing else: no network, no server. Its tabs tell how many
    labels are wrong and whether to trust that, list the rows to review, show the rates by class,
    what is taken for what, how the training went, and what the columns hold. Decisions that are
    clicked there can be downloaded as a file that `sknoisy.review.read_review` reads.

    Parameters
    ----------
    estimator : NoisyLabelDetector or RobustClassifier
        A fitted one. A pipeline or a search that ends in one will do.
    X : DataFrame, array, list, Dataset, dict of arrays, or None
        The rows of fit in their order, to be shown beside their labels. It needn't be what `fit`
        got, only as long: where features were computed from images or texts, pass these. Images
        are an array or paths of files; texts are a list or a Series. None: labels alone.
    y : array-like of shape (n_rows,), default=None
        The labels of fit. The estimator remembers them, so this is a check only.
    truth : array-like of shape (n_rows,), default=None
        The right labels, if you know them, with missing values where you don't. The page then
        compares the verdict with them.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator isn't fitted.
    ValueError
        If `X`, `y` or `truth` aren't of the rows of fit.

    See Also
    --------
    sknoisy.review.read_review : Reads the decisions that were downloaded.

    Notes
    -----
    The page holds what rows hold, so whoever gets the file can read them. Of a large X it holds the
    flagged rows and those near the threshold first, and says how many. Counts are always of all
    rows.

    If skrub is installed, the last tab is its `TableReport` of the columns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.report import LabelQualityReport
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> y[::10] = (y[::10] + 1) % 3
    >>> detector = NoisyLabelDetector(estimator=LogisticRegression(max_iter=1000)).fit(X, y)
    >>> report = LabelQualityReport(detector, X)
    >>> report.write_html("labels.html")  # doctest: +SKIP

    In a notebook `report` as the last line of a cell shows the page; `report.open()` shows it in
    the browser. Decisions that were clicked and downloaded there come back by

    >>> from sknoisy.review import read_review
    >>> answers = read_review("review.csv", detector.classes_)  # doctest: +SKIP
    >>> detector.apply_review(answers)  # doctest: +SKIP
    """

    def __init__(
        self,
        estimator: Any,
        X: Features | None,
        y: Labels | None = None,
        *,
        truth: ArrayLike | None = None,
    ) -> None:
        self._findings = collect_findings(estimator, y, truth)
        self._X = _without_polars_series(X)
        if X is not None:
            check_n_rows(self._X, self._findings.n_rows)
        self._date = date.today().isoformat()

    # -- the forms -------------------------------------------------------------------------------

    def html(self) -> str:
        """Return the page, a whole HTML document.

        Returns
        -------
        str
        """
        return self._page

    def html_snippet(self) -> str:
        """Return a piece of HTML to put into another page; nothing of that page affects it.

        Returns
        -------
        str
        """
        return as_frame(self._page)

    def json(self) -> str:
        """Return what the page tells as JSON.

        Its `schema_version` is that of its form: the first number changes where a field is renamed
        or goes, the second where one is added.

        Returns
        -------
        str
        """
        return json.dumps(self._as_json(), allow_nan=False, ensure_ascii=True, indent=1)

    def markdown(self) -> str:
        """Return a summary as Markdown, with the rows to look at first.

        Returns
        -------
        str
        """
        return render_markdown(self._content | {"queue": self._queue(N_QUEUE_OF_MARKDOWN)})

    def write_html(self, file: str | os.PathLike[str] | IO[Any]) -> None:
        """Write the page to a file.

        Parameters
        ----------
        file : path, or file opened for writing
            A file that is there is replaced.
        """
        if isinstance(file, str | os.PathLike):
            Path(file).write_bytes(self._page.encode())
            return
        is_binary = "b" in getattr(file, "mode", "") or not hasattr(file, "encoding")
        file.write(self._page.encode() if is_binary else self._page)

    def open(self) -> None:
        """Show the page in the browser.

        It is written to the folder for temporary files, and stays there.
        """
        with tempfile.NamedTemporaryFile(
            prefix="label_quality_", suffix=".html", delete=False
        ) as file:
            file.write(self._page.encode())
        webbrowser.open(Path(file.name).as_uri())

    def _repr_html_(self) -> str:
        return self.html_snippet()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html_snippet(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        found = self._summary
        return (
            f"<LabelQualityReport: about {percent(found['noise_rate'])} of "
            f"{rows(found['n_rows'], 'label')} wrong, {found['n_flagged']:,} flagged; "
            "use .open() or .write_html(path)>"
        ).replace("\u00a0", " ")

    # -- what they hold --------------------------------------------------------------------------

    @cached_property
    def _summary(self) -> dict[str, Any]:
        return summary(self._findings)

    @cached_property
    def _confusions(self) -> dict[str, Any]:
        return confusions(self._findings)

    @cached_property
    def _table_report(self) -> TableReportPage:
        return table_report_page(self._X)

    @cached_property
    def _page(self) -> str:
        data = listing(self._findings, self._X)
        data["matrices"] = matrices(self._confusions)
        data["table"] = self._table_report.html
        listed = {
            "n_listed": min(self._findings.n_rows, MAX_LISTED),
            "n_with_content": len(data["content"]["places"]),
            "n_columns": data["content"]["nColumns"],
            "n_columns_shown": len(data["content"]["columns"]),
        }
        content = self._content | {"listed": listed, "table": self._table_report}
        return render_page(content, data, self._table_report.scripts)

    @cached_property
    def _content(self) -> dict[str, Any]:
        """What the templates show."""
        findings = self._findings
        classes, groups = class_rates(findings), group_rates(findings)
        is_reviewed = findings.is_reviewed
        return {
            "date": self._date,
            "summary": self._summary,
            "run": what_was_run(findings, version("sknoisy")),
            "trust": trust(findings),
            "final": final_training(findings),
            "histogram": histogram(findings.quality, findings.is_noise, findings.threshold),
            "classes": classes[:MAX_CLASSES],
            "n_classes": len(classes),
            "groups": groups[:MAX_GROUPS],
            "n_groups": len(groups),
            "confusions": self._confusions,
            "names": [clean_text(each) for each in findings.classes],
            "training": training_curves(findings),
            "truth": compared_with_truth(findings),
            "truth_histogram": self._histogram_of_truth(),
            "n_reviewed": int(is_reviewed.sum()),
        }

    def _histogram_of_truth(self) -> dict[str, Any] | None:
        findings = self._findings
        if findings.truth is None:
            return None
        known = findings.truth != UNKNOWN
        is_wrong = (findings.given != findings.truth)[known]
        return histogram(findings.quality[known], is_wrong, findings.threshold)

    def _queue(self, n: int) -> list[dict[str, Any]]:
        queue = self._findings.estimator.review_queue(n)
        return _records(queue.drop(columns="right_label"))

    def _as_json(self) -> dict[str, Any]:
        findings, confused = self._findings, self._confusions
        training = self._content["training"]
        return _plain_json(
            {
                "schema_version": SCHEMA_VERSION,
                "created": self._date,
                "summary": self._summary,
                "run": dict(self._content["run"]),
                "competence": competence(findings),
                "trust": self._content["trust"],
                "final": self._content["final"],
                "classes": class_rates(findings),
                "groups": group_rates(findings),
                "class_names": [_as_json(each) for each in findings.classes],
                "confusions": confused["counts"][: findings.n_classes].tolist(),
                "transition_matrix": confused["transition_matrix"].tolist(),
                "training": {
                    "step": training["step"],
                    "stages": training["stages"],
                    "curves": {
                        chart["id"]: {each["name"]: each["values"] for each in chart["series"]}
                        for chart in training["charts"]
                    },
                    "missing": training["missing"],
                },
                "truth": self._content["truth"],
                "queue": self._queue(N_QUEUE_OF_JSON),
            }
        )


def _plain_json(content: Any) -> Any:
    """Return content without what JSON doesn't know: NaN and infinity become null."""
    if isinstance(content, dict):
        return {str(name): _plain_json(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain_json(each) for each in content]
    content = plain(content)
    return None if isinstance(content, float) and not np.isfinite(content) else content


def _without_polars_series(X: Any) -> Any:
    library = type(X).__module__.partition(".")[0]
    return X.to_numpy() if library == "polars" and type(X).__name__ == "Series" else X
