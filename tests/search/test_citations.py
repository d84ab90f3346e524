"""What a report says is to be cited, and how it answers the checklist of best practice."""

from __future__ import annotations

import re

import pytest

from warmnas.bench import SPACES, open_benchmark
from warmnas.search import Protocol, optimizers, study
from warmnas.search.oneshot import methods
from warmnas.search.report import write_report
from warmnas.search.report.checklist import checklist
from warmnas.search.report.citations import _entries, bibtex
from warmnas.search.stoppers import stoppers
from warmnas.surrogates.curves import curve_models
from warmnas.surrogates.predictors import predictors
from warmnas.surrogates.proxies import proxies

OURS = {"warm", "source-ranking", "live-params"}  # no paper of somebody else
PLAIN = {
    "none",
    "last",
    "mean",
    "threshold",
    "zero-epoch",
    "oracle",
    "params",
    "flops",
    "live-flops",
}  # baselines without one
FEWSHOT = ("maml", "fomaml", "reptile", "t-nas", "metanas")
OTHERS = {
    "nasbench-graph-proteins",
    "optuna",
    "syne-tune",
    "checklist",
    "ranks",
    "hypervolume",
    "once-for-all",
    "rapidnas-rank",
}
SPACES_OF_OURS = {"chain"}


REGISTERED = [*optimizers, *predictors, *stoppers, *curve_models, *proxies, *methods, *FEWSHOT, *SPACES]


@pytest.mark.parametrize("name", REGISTERED)
def test_every_method_and_space_has_something_to_cite(name: str) -> None:
    assert bool(bibtex([name])) != (name in OURS | PLAIN | SPACES_OF_OURS)


def test_entries_are_complete_and_of_something_that_there_is() -> None:
    keys = []
    for names, entry in _entries():
        assert names <= {*REGISTERED, *OTHERS}, names
        fields = dict(re.findall(r"^  (\w+) = \{(.+)\},?$", entry, flags=re.MULTILINE))
        assert {"title", "author", "year"} <= set(fields), entry
        assert ("booktitle" in fields) != ("journal" in fields), entry
        assert all(", " in author for author in fields["author"].split(" and ")), entry
        assert entry.count("{") == entry.count("}")
        keys.append(re.match(r"@\w+\{(\w+),", entry))
    assert all(keys)
    assert len({key[1] for key in keys if key}) == len(keys)


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
    assert len(answers) == 16  # of Lindauer & Hutter's items those that a report can answer
    assert answers["Ablations"].startswith("None")
    two = study([table], ["rea", "rea[sample=3]"], Protocol(("cifar100",), budget=2, runs=2, seed=1))
    assert "rea and rea[sample=3]" in checklist(two)["Ablations"]
