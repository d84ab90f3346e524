"""How the study was made: one paragraph at the head of the page, and everything needed to repeat it at its end."""

from __future__ import annotations

from collections.abc import Mapping

from ..protocol import Protocol
from ..study import StudyResult
from .checklist import checklist
from .citations import citations_html
from .markup import Html, counted, element, join, listed

REPORTING_SEED = 1000  # seeds below are for development

HOW_TO_READ = {
    "Regret": "distance of the incumbent (the best architecture observed so far in a run) from the best candidate of the "
    "task, both by the mean over recorded seeds of the validation value. 0 is the optimum.",
    "Bands and ±": "one standard error of the mean over runs. A deterministic method has none: its runs are identical.",
    "Pairing": "run r of every optimizer has the same seed and the same source rows, so tests compare pairs of runs.",
    "Seen and judged": "an optimizer sees validation values of what it has evaluated, and the source rows drawn for its "
    "run. Test values are never seen, only reported for the incumbent.",
    "Charged": "the budget counts evaluations on the target task. Measurements of source tasks exist already and are not "
    "charged. Simulated time is that of the observed trainings, one after the other, as the table times them: a run ends "
    "with the first training that would overrun its time, which is neither granted nor charged; only a run's first "
    "training is granted in any case.",
    "Across tasks": "the tasks are the sample: intervals come from a bootstrap over tasks, not over runs; ranks are those "
    "of mean regret within a task, and their tests (Friedman, Nemenyi, Wilcoxon with Holm) are over tasks too.",
}


def what_was_run(result: StudyResult) -> Html:
    """The paragraph at the head of the page."""
    p = result.protocol
    names = list(dict.fromkeys(outcome.optimizer for outcome in result.outcomes))
    text = (
        f"{counted(len(names), 'optimizer')} ({listed(names)}) on {_tasks(result)}; {_budget(p)} "
        f"each, {counted(p.runs, 'independent run')} from seed {p.seed}. Optimizers see {_seen(p)}. "
        f"{_sources(result)} Protocol "
    )
    return element("p", text, element("code", result.protocol_hash()), ".", class_="lead")


def _tasks(result: StudyResult) -> str:
    by_table = {t.name: [task for task in result.tasks if result.of(task)[0].table is t] for t in result.tables}
    return listed(f"{counted(len(tasks), 'task')} of {name} ({listed(tasks)})" for name, tasks in by_table.items())


def _budget(protocol: Protocol) -> str:
    limits = [counted(protocol.seconds, "simulated second")] if protocol.seconds is not None else []
    limits += [counted(protocol.budget, "evaluation")] if protocol.budget is not None else []
    return limits[0] if len(limits) == 1 else f"at most {listed(limits)}"


def _seen(protocol: Protocol) -> str:
    what = "the mean over seeds" if protocol.observe == "mean" else "one recorded seed, drawn per evaluation"
    return what if protocol.schedule is None else f"{what}, of trainings with a {protocol.schedule}-epoch schedule"


def _sources(result: StudyResult) -> str:
    p = result.protocol
    if p.sources == "none":
        return "There are no source tasks."
    which = "all other tasks of the same benchmark" if p.sources == "all" else listed(p.sources.split(","))
    rows = "all rows" if p.source_rows is None else f"{counted(p.source_rows, 'row')} each, drawn anew for every run"
    left = {table.name: p.left_out(table) for table in result.tables}
    if len(set(left.values())) == 1:
        out = f"the target {next(iter(left.values()))} is left out"
    else:
        out = listed(f"the target {kind} is left out for {name}" for name, kind in left.items())
    return f"Source tasks: {which} ({rows}); {out}."


def how_html(result: StudyResult, command: str, versions: dict[str, str]) -> Html:
    """The last section: command, versions, tables with splits, settings, and how to read the page."""
    return how_section(
        HOW_TO_READ,
        command,
        pairs("Protocol", _settings(result)),
        pairs("Versions", versions),
        *(pairs(table.name, {**_about(table.info()), **_splits(table.info())}) for table in result.tables),
        pairs("Best-practice checklist (Lindauer & Hutter 2020)", checklist(result)),
        citations_html(_used(result)),
    )


def how_section(reading: Mapping[str, str], command: str, *parts: Html) -> Html:
    """The last section of every kind of report: how to read it, the command that repeats it, and ``parts``."""
    terms = [element("div", element("dt", name), element("dd", text)) for name, text in reading.items()]
    return element(
        "section",
        element("h2", "How this was made"),
        element("h3", "How to read this"),
        element("dl", *terms, class_="reading"),
        element("h3", "To repeat it"),
        element("pre", element("code", command), tabindex=0),
        *parts,
        id="how",
    )


def _used(result: StudyResult) -> list[str]:
    """Names whose papers the report cites: optimizers, benchmarks and their spaces, the checklist."""
    benchmarks = [name for table in result.tables for name in (table.name, table.space.name)]
    tests = ["ranks"] if result.statistics["ranks"] else []
    stoppers = [result.protocol.stopper] if result.protocol.stopper else []
    return [*(outcome.optimizer for outcome in result.outcomes), *stoppers, *benchmarks, *tests, "checklist"]


def _settings(result: StudyResult) -> dict[str, str]:
    p = result.protocol
    use = "a development seed; figures to publish use 1000 and above" if p.seed < REPORTING_SEED else "a reporting seed"
    return {
        "hash": result.protocol_hash(),
        "tasks": ", ".join(p.tasks),
        "budget": _budget(p),
        "schedule": "the longest" if p.schedule is None else f"{p.schedule} epochs; regret and test are of the longest",
        "runs": f"{p.runs:,}",
        "seed": f"{p.seed} ({use})",
        "observe": p.observe,
        "sources": p.sources,
        "source rows": "all" if p.source_rows is None else f"{p.source_rows:,}",
        "leave out": ", ".join(f"{p.left_out(table)} ({table.name})" for table in result.tables),
    }


def _about(info: dict[str, object]) -> dict[str, str]:
    keys = ("space", "architectures", "source", "licence", "hash", "notes")
    return {key: str(info[key]) for key in keys if info[key] != ""}


def _splits(info: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    """What stands behind each task's splits: the source's own keys."""
    return {
        f"splits of {task}": ", ".join(f"{split} = {key}" for split, key in splits.items())
        for task, splits in info["splits"].items()
    }


def pairs(title: str, content: dict[str, str]) -> Html:
    """A small table of names and texts."""
    rows = [element("tr", element("th", key, scope="row"), element("td", value)) for key, value in content.items()]
    table = element("table", element("caption", title), element("tbody", *rows), class_="pairs")
    return join([element("div", table, class_="frame", tabindex=0, role="region", aria_label=title)])
