"""The pages of docs/: their code runs, and their links lead somewhere."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import fastnn as fnn

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
RUN_ELSEWHERE = {
    "README.md",  # tests/test_examples.py
    "docs/predictor.md",  # tests/test_predictor.py, which compiles the C beside it
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def code_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


SESSIONS = [page for page in PAGES if ">>> " in "".join(code_of(page))]


@pytest.mark.parametrize("page", SESSIONS, ids=named)
def test_code_of_a_page_runs(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # some write files
    session = [block for block in code_of(page) if block.startswith(">>> ")]
    test = doctest.DocTestParser().get_doctest("\n".join(session), {}, page.name, None, 0)
    assert test.examples
    report: list[str] = []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    outcome = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert outcome.failed == 0, "".join(report)


def test_code_that_does_not_run_here_is_elsewhere_or_other_peoples():
    """So that no block of a page is left out by the prompt that it lacks."""
    left = {named(page) for page in PAGES for block in code_of(page) if ">>> " not in block}
    assert left == RUN_ELSEWHERE


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            assert anchor in headings(there), target


@pytest.mark.parametrize(
    "row, family, more",
    [
        ("activations", fnn.activations.Activation, 0),
        ("losses", fnn.losses.Loss, 0),
        ("metrics during training", fnn.metrics.Metric, 0),
        ("optimizers", fnn.optimizers.Optimizer, 0),
        ("schedules", fnn.schedules.Schedule, 1),  # warm-up, which the row names apart
    ],
)
def test_features_counts_what_there_is(row, family, more):
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    said = re.search(rf"^\| {row} \| (\d+)", text, re.MULTILINE)
    assert said, row
    assert int(said[1]) + more == len(set(family.table.values()))  # some have several names
