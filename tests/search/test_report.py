"""The report as a reader and a browser meet it: complete in itself, safe with any name, and honest about ties."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import xarray as xr

from warmnas.bench import ACCURACY, CellGraph, Table, WarmnasError, space
from warmnas.search import Outcome, Protocol, StudyResult
from warmnas.search.report import write_report
from warmnas.search.report.cells import cell_svg
from warmnas.search.report.curves import plotted, regret_ticks, round_ticks
from warmnas.search.report.layout import lay_out
from warmnas.search.report.markup import Html, data_script, element
from warmnas.search.report.numbers import ABSENT

ROWS = 50
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def _without_plotly(monkeypatch):
    """Leave the five megabytes of Plotly out where nothing is drawn."""
    monkeypatch.setattr("warmnas.search.report.page._plotly", lambda: Html("/* plotly */"))


light = pytest.mark.usefixtures("_without_plotly")


def make_table(tasks=("one",), test=True, name="tiny"):
    cells = space("nasbench201")
    genotypes = cells.from_index(np.arange(ROWS) * 300)
    values = np.random.default_rng(3).uniform(40, 90, (len(tasks), ROWS))
    axes = ("task", "architecture")
    arrays = {"val_accuracy": (axes, values)} | ({"test_accuracy": (axes, values - 1)} if test else {})
    splits = {"val": "x-valid"} | ({"test": "x-test"} if test else {})
    attrs = {
        "name": name,
        "space": "nasbench201",
        "source": "made up",
        "licence": "none",
        "absent": "It was never measured.",
        "splits": json.dumps(dict.fromkeys(tasks, splits)),
        "metrics": json.dumps(dict.fromkeys(tasks, vars(ACCURACY))),
    }
    coords = {
        "task": list(tasks),
        "name": ("architecture", [cells.to_string(g) for g in genotypes]),
        "genotype": (("architecture", "gene"), genotypes),
    }
    return Table(xr.Dataset(arrays, coords=coords, attrs=attrs))


def make_outcome(table, task, optimizer, rows):
    rows = np.asarray(rows)
    zeros = np.zeros(rows.shape[1])
    return Outcome(
        rows,
        table.values(task, rows),
        np.full(rows.shape, np.nan),
        zeros,
        zeros,
        0.1,
        table=table,
        task=task,
        optimizer=optimizer,
    )


def make_result(table=None, runs=15, budget=10, optimizers=("random", "good", "fixed"), start=0):
    """random: random rows; good: ends at the optimum in all runs; fixed: every run the same; others like random."""
    table = table or make_table()
    rng = np.random.default_rng(start)
    outcomes = []
    for task in table.tasks:
        order = np.argsort(table.values(task))  # worst first
        for name in optimizers:
            rows = np.stack([rng.permutation(order[: ROWS // 2])[:budget] for _ in range(runs)])
            if name == "good":
                rows[:, -1] = order[-1]
            if name == "fixed":
                rows = np.tile(order[:budget], (runs, 1))
            outcomes.append(make_outcome(table, task, name, rows))
    return StudyResult(Protocol(tasks=table.tasks, budget=budget, runs=runs), (table,), tuple(outcomes))


def write(folder, result, command="warmnas study"):
    path = folder / "report.html"
    write_report(result, path, command=command, versions={"warmnas": "0"})
    return path


class Reader(HTMLParser):
    """Elements with their attributes, and the visible text, of a page."""

    def __init__(self, path):
        super().__init__()
        self.elements: list[Any] = []
        self.words: list[str] = []
        self.inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if not {"script", "style"} & set(self.inside):
            self.words.append(data)


def figures(path):
    found = re.findall(r'<script type="application/json" id="figure-\d+">(.*?)</script>', path.read_text(encoding="utf-8"))
    return [json.loads(text) for text in found]


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match.group(1)


def cells_of(path, task="one"):
    """Rows of a task's table: {optimizer: [(text, class)]}."""
    page = path.read_text(encoding="utf-8")
    table = found(rf'<table aria-label="Results on {task}">(.*?)</table>', page)
    rows = {}
    for row in re.findall(r"<tr><th scope=\"row\".*?</tr>", table):
        name = found(r'data-value="(.*?)"', row)
        cells = re.findall(r"<td(.*?)>(.*?)</td>", row)
        rows[re.sub("<.*?>|&lt;.*", "", name).strip()] = [
            (re.sub("<.*?>", "", text), (re.search('class="(.*?)"', attrs) or [None, ""])[1]) for attrs, text in cells
        ]
    return rows


@light
def test_loads_nothing_from_elsewhere(tmp_path):
    page = Reader(write(tmp_path, make_result()))
    for tag, attrs in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        assert not attrs.get("src")
        assert attrs.get("href", "#").startswith("#")
    policies = [a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert "http" not in policies[0]
    assert policies[0].startswith("default-src 'none'")
    assert not page.inside, "elements left open"


@light
def test_names_cannot_become_markup(tmp_path):
    table = make_table(tasks=(HOSTILE,), test=False, name=HOSTILE)
    path = write(tmp_path, make_result(table, optimizers=(HOSTILE, "good")), command=HOSTILE)
    assert HOSTILE not in path.read_text(encoding="utf-8")
    page = Reader(path)
    assert page.text.count(HOSTILE) > 5
    assert sum(tag == "script" for tag, _ in page.elements) == 3  # one figure, plotly, the page's own
    assert figures(path)[0]["curves"][0]["name"] == HOSTILE


def test_data_cannot_end_its_script():
    script = data_script("d", {"name": "</script><!--&\u2028"})
    body = script.removeprefix('<script type="application/json" id="d">').removesuffix("</script>")
    assert not set("<>&\u2028") & set(body)
    assert json.loads(body) == {"name": "</script><!--&\u2028"}


def test_elements_escape_children_and_attributes():
    assert element("p", "a<b", Html("<b>c</b>"), None, title='"') == '<p title="&quot;">a&lt;b<b>c</b></p>'


@light
def test_marks_the_best_and_what_is_tied(tmp_path):
    result = make_result(optimizers=("random", "good"))
    good = result.outcomes[1]
    rows = good.rows.copy()
    rows[0, -1] = good.rows[1, 0]  # worse in one run of fifteen: not to be told from chance
    alike = make_outcome(good.table, "one", "alike", rows)
    result = StudyResult(result.protocol, result.tables, (*result.outcomes, alike))
    path = write(tmp_path, result)
    final = {name: row[3] for name, row in cells_of(path).items()}  # 1, 2, 5, 10
    assert final["good"][1] == "best"
    assert final["good"][0].startswith("★ 0")
    assert final["alike"][1] == "tied"
    assert final["alike"][0].startswith("≈ ")
    assert final["random"][1] == ""
    text = Reader(path).text
    assert "good has the lowest mean regret, 0 percentage points; alike is statistically tied with it" in text
    assert "Wilcoxon signed-rank test over paired runs, Holm-corrected for 2 comparisons" in text


@light
def test_says_what_does_not_beat_the_trivial_rivals(tmp_path):
    text = Reader(write(tmp_path, make_result(optimizers=("random", "good", "poor")))).text
    assert "poor does not beat random" in text


@light
def test_deterministic_has_neither_band_nor_error(tmp_path):
    path = write(tmp_path, make_result())
    curves = {curve["name"]: curve for curve in figures(path)[0]["curves"]}
    assert curves["fixed"]["error"] is None
    assert curves["fixed"]["deterministic"]
    assert len(curves["random"]["error"]) == 10
    rows = cells_of(path)
    assert "±" not in "".join(text for text, _ in rows["fixed"])
    assert "±" in rows["random"][0][0]


@light
@pytest.mark.parametrize(("runs", "budget"), [(1, 1), (1, 10), (15, 1), (5, 25)])
def test_small_studies(tmp_path, runs, budget):
    path = write(tmp_path, make_result(runs=runs, budget=budget))
    text, data = Reader(path).text, figures(path)[0]
    assert data["at"][-1] == data["xticks"][-1] == budget
    if runs == 1:
        assert all(curve["error"] is None for curve in data["curves"])
        assert "One run: there is nothing to test" in text
        assert "tied" not in {kind for row in cells_of(path).values() for _, kind in row}
    elif runs < 10:
        assert "a tie may only mean that the test could not tell" in text


@light
def test_a_single_optimizer_is_not_the_best_of_anything(tmp_path):
    path = write(tmp_path, make_result(optimizers=("random",)))
    assert {kind for _, kind in cells_of(path)["random"]} == {""}
    assert "it ran alone" in Reader(path).text


@light
def test_zero_regret_is_drawn_as_the_optimum(tmp_path):
    result = make_result(optimizers=("good", "other"), budget=1)
    data = figures(write(tmp_path, result))[0]
    assert data["zero"]
    assert data["curves"][0]["mean"] == [0.0]
    assert 0 < data["floor"] < data["curves"][1]["mean"][0]
    only = StudyResult(result.protocol, result.tables, result.outcomes[:1])
    data = figures(write(tmp_path, only))[0]
    assert data["range"][0] < data["floor"] < data["range"][1]


@light
def test_says_why_test_is_absent(tmp_path):
    path = write(tmp_path, make_result(make_table(test=False)))
    text = Reader(path).text
    assert "No test value: tiny has no test values for one, only val. It was never measured." in text
    assert cells_of(path)["random"][4][0] == ABSENT
    assert "No simulated hours" in text
    text = Reader(write(tmp_path, make_result())).text
    assert "No test value" not in text
    assert "test accuracy" in text


@light
def test_across_tasks_needs_several(tmp_path):
    assert "Intervals over tasks need more than one" in Reader(write(tmp_path, make_result())).text
    result = make_result(make_table(tasks=("a", "b", "c")), optimizers=("source-ranking", "good"))
    text = Reader(write(tmp_path, result)).text
    assert "tiny, 3 tasks" in text
    assert "average rank after 10" in text
    assert "Difference to source-ranking" in text
    assert "On the mean over 3 tasks, good has the lowest regret" in text


@light
def test_an_architecture_is_drawn_once_with_all_who_found_it(tmp_path):
    result = make_result(optimizers=("good", "random"))
    good = result.outcomes[0]
    twin = make_outcome(good.table, "one", "twin", good.rows)
    page = Reader(write(tmp_path, StudyResult(result.protocol, result.tables, (*result.outcomes, twin))))
    assert sum(attrs.get("class") == "cell" for _, attrs in page.elements) == 2
    assert "Found by good (15 of 15 runs) and twin (15 of 15 runs)" in page.text


@light
def test_many_optimizers_and_tasks(tmp_path):
    names = [f"method-{i}" for i in range(12)]
    path = write(tmp_path, make_result(make_table(tasks=[f"t{i}" for i in range(12)]), optimizers=names))
    data = figures(path)
    assert len(data) == 12
    styles = {(curve["colour"], curve["dash"]) for curve in data[0]["curves"]}
    assert len(styles) == 12


@light
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path, make_result())
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(WarmnasError, match="No space left"):
        write(tmp_path, make_result(start=1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@light
def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WarmnasError, match="cannot write"):
        write(tmp_path / "file", make_result())


def test_long_budgets_are_thinned():
    assert plotted(150).tolist() == list(range(1, 151))
    thin = plotted(10_000)
    assert len(thin) <= 200
    assert (thin[0], thin[-1]) == (1, 10_000)


def test_ticks():
    assert round_ticks(60) == [1, 2, 5, 10, 20, 60]
    assert round_ticks(1) == [1]
    assert regret_ticks(0.01, 10) == [0.01, 0.1, 1, 10]
    assert len(regret_ticks(4, 5)) >= 3


def test_edges_of_a_full_cell_do_not_cross():
    cells = space("nasbench201")
    graph = cells.graph(np.array([3, 3, 3, 3, 3, 3], dtype=np.int8))
    layout = lay_out(graph)
    steps = [(a, b) for route in layout.routes for a, b in pairwise(route)]
    for (a, b), (c, d) in ((one, other) for one in steps for other in steps):
        assert not (a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0)
    places = [*layout.nodes, *(point for route in layout.routes for point in route[1:-1])]
    assert len(set(places)) == len(places), "two things in one place"


def test_dead_edges_are_faint():
    graph = CellGraph(("in", "1", "2", "out"), ((0, 3, "conv"), (1, 2, "lost"), (2, 3, "late")))
    assert lay_out(graph).live == (True, False, False)
    assert cell_svg(graph).count('class="dead"') == 4  # two edges, two nodes


@pytest.mark.parametrize("edges", [(), ((0, 1, "a"),), ((0, 1, ""), (0, 1, "b"))])
def test_odd_cells_can_be_drawn(edges):
    assert cell_svg(CellGraph(("in", "out"), edges)).startswith("<svg")
