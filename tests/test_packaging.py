"""What is published: versions, metadata, the workflow, and what SECURITY.md promises."""

import ast
import importlib.metadata
import importlib.util
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import sknoisy

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = sorted(Path(sknoisy.__file__).parent.rglob("*.py"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Versions and metadata


def test_version_of_the_package_is_that_of_the_project():
    assert sknoisy.__version__ == importlib.metadata.version("sknoisy") == PROJECT["version"]


def test_version_stands_in_one_place():
    others = [ROOT / "CITATION.cff", ROOT / "SECURITY.md", *SOURCES]
    assert [path for path in others if PROJECT["version"] in path.read_text("utf-8")] == []


def test_typed_marker_is_installed():
    assert (Path(sknoisy.__file__).parent / "py.typed").is_file()


def test_citation_names_what_is_cited():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for key in ("cff-version: 1.2.0", "message:", "title: sknoisy", "authors:"):
        assert re.search(f"^{re.escape(key)}", citation, re.MULTILINE)
    assert f"license: {PROJECT['license']}" in citation


def test_every_dependency_has_a_lower_bound(capsys):
    extras = list(PROJECT["optional-dependencies"])
    assert tool("lower_bounds").main([f"--extra={extra}" for extra in extras]) == 0
    lines = capsys.readouterr().out.split()
    assert "numpy==1.26" in lines and any(line.startswith("pytest==") for line in lines)


def test_requirement_without_a_lower_bound_is_named():
    with pytest.raises(ValueError, match="'numpy<3' must have a lower bound"):
        tool("lower_bounds").as_constraint("numpy<3")


# The look into distributions


def write_wheel(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")


def write_sources(path, names):
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"sknoisy-1/{name}"))


@pytest.mark.parametrize(
    ("write", "name"), [(write_wheel, "s-1-py3-none-any.whl"), (write_sources, "s-1.tar.gz")]
)
def test_what_a_distribution_lacks_is_named(tmp_path, write, name):
    path = tmp_path / name
    write(path, ["sknoisy/__init__.py", "tests/test_a.py", "s.dist-info/METADATA"])
    wanted = ["sknoisy/__init__.py", "sknoisy/report/page.html", "tests/", "docs/", "METADATA"]
    expected = [f"{name} lacks sknoisy/report/page.html", f"{name} lacks docs/"]
    assert tool("check_package").missing_from(path, wanted) == expected


# The workflow


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(path):
    used = re.findall(r"uses:\s*(\S+)", path.read_text(encoding="utf-8"))
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_may_only_read(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"permissions:\n((?:  .*\n)+)", text) == ["  contents: read\n"]
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")


def test_scripts_that_the_workflow_runs_are_there():
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        for script in re.findall(r"python (tools/\S+)", text):
            assert (ROOT / script).is_file(), script
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert set(re.findall(r"run: make (\S+)", text)) <= set(targets)


# What SECURITY.md promises


def calls(path):
    """Yield the calls of a module: the dotted name and the node."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_module_runs_nothing_that_comes_from_files(path):
    names = {name for name, _ in calls(path)}
    refused = {"eval", "exec", "os.system", "joblib.load", "yaml.load", "marshal.loads"}
    assert not names & refused
    assert not {name for name in names if name.startswith("subprocess.")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_module_reads_no_pickle_but_of_arrays(path):
    text = path.read_text(encoding="utf-8")
    # The cache holds pickles of joblib in any case.
    if path.name not in ("_pickled_arrays.py", "_checksums.py"):
        assert not re.search(r"pickle\.loads?\(|Unpickler|^from pickle", text, re.MULTILINE)
    for name, node in calls(path):
        keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name == "torch.load":
            assert keywords.get("weights_only") == "True"
        assert keywords.get("allow_pickle", "False") == "False"
