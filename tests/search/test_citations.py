"""What a report says is to be cited, and how it answers the checklist of best practice."""

from __future__ import annotations

import pytest

from warmnas.bench import SPACES, open_benchmark
from warmnas.search import Protocol, optimizers, study
from warmnas.search.report import write_report
from warmnas.search.report.checklist import checklist
from warmnas.search.report.citations import bibtex
from warmnas.search.stoppers import stoppers
from warmnas.surrogates.predictors import predictors

OURS = {"warm", "source-ranking", "live-params"}  # no paper of somebody else
PLAIN = {"none", "last", "threshold", "i-epoch", "zero-epoch", "oracle"}  # baselines without one
SPACES_OF_OURS = {"chain"}


@pytest.mark.parametrize("name", [*optimizers, *predictors, *stoppers, *SPACES])
def test_every_method_and_space_has_something_to_cite(name: str) -> None:
    assert bool(bibtex([name])) != (name in OURS | PLAIN | SPACES_OF_OURS)


def test_entries_come_once_without_our_own_field() -> None:
    entries = bibtex(["rea", "rea[population=5]", "optuna:tpe", "random"])
    assert entries.count("@") == 4
    assert "warmnas" not in entries
    assert entries.count("{") == entries.count("}")
    for key in ("real2019regularized", "akiba2019optuna", "bergstra2011tpe", "li2019random"):
        assert f"{{{key}," in entries


def test_a_report_cites_what_it_used_and_answers_the_checklist(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("warmnas.search.report.page._plotly", lambda: "")
    table = open_benchmark("nasbench201")
    result = study([table], ["rea", "source-ranking"], Protocol(("cifar100",), budget=3, runs=2, seed=1))
    write_report(result, tmp_path / "report.html", command="warmnas study", versions={})
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "real2019regularized" in page
    assert "dong2020nasbench201" in page
    assert "bergstra2011tpe" not in page
    answers = checklist(result)
    assert answers["Random search and other simple baselines"].startswith("No")
    assert "Few: 2 runs" in answers["Several runs, with the seeds"]
    assert all(question in page for question in answers)
