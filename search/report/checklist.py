"""The checklist of best practice in NAS research (Lindauer & Hutter, JMLR 2020), answered from the study itself.

What a study cannot know, such as whether code will be released, is left to its author and said so.
"""

from __future__ import annotations

from ..study import StudyResult
from .markup import counted, listed

ENOUGH_RUNS = 10


def checklist(result: StudyResult) -> dict[str, str]:
    """Questions of the checklist and this study's answers."""
    p = result.protocol
    names = {outcome.optimizer for outcome in result.outcomes}
    trivial = sorted(names & {"random", "source-ranking", "live-params"})
    runs = counted(p.runs, "run")
    sources = dict.fromkeys(str(table.data.attrs["source"]) for table in result.tables)
    tables = listed(table.name for table in result.tables)
    return {
        "Same training and evaluation for all methods": f"Yes: all values come from {tables}; sources and hash are below.",
        "Same search space": "Yes: every method searches the same candidates of a task.",
        "Same budget, charged alike": "Yes: every training on the target counts.",
        "Confounding factors": "Trainings were made once, by the source of the table, for all; versions are below.",
        "Random search and other simple baselines": (
            f"Yes: {listed(trivial)}." if "random" in trivial else "No: `random` is not among the optimizers; add it."
        ),
        "Several runs, with the seeds": (
            f"{'Yes' if p.runs >= ENOUGH_RUNS else 'Few'}: {runs} per task and optimizer from seed {p.seed}, paired."
        ),
        "Uncertainty and tests": (
            "Standard errors over runs; Wilcoxon with Holm's correction within and across tasks; bootstrap, Friedman and "
            "Nemenyi over tasks."
        ),
        "Performance over time, not only at the end": "Yes: anytime curves; every evaluation is in trajectories.parquet.",
        "Test data apart from search": "Yes: optimizers see validation values only; test is reported for the incumbent.",
        "Tuned on other tasks than reported": (
            "For warmnas' own methods: developed on seeds 0 to 29 and by leaving sources out. Others: their author says."
        ),
        "Ablations": (
            f"Yes: {listed(variants)} beside each other."
            if (variants := _variants(names))
            else "None here: a method with options, as in rea[sample=5], stands beside it as an optimizer of its own."
        ),
        "Tabular benchmarks for deep comparisons": f"Yes: {tables}.",
        "Time of the whole search": "Fit and proposal seconds are recorded beside the simulated training time.",
        "Everything to repeat it": "Command, versions, protocol hash and table hashes are on this page.",
        "Code of the training pipeline": f"The trainings are those of {listed(sources)}.",
        "Code of the method": "warmnas is Apache-2.0; for an optimizer of your own, link its code here.",
    }


def _variants(names: set[str]) -> list[str]:
    """Optimizers that took part with several settings."""
    bases = [name.partition("[")[0] for name in names]
    return sorted(name for name in names if bases.count(name.partition("[")[0]) > 1)
