"""REINFORCE: its policies against plain arithmetic, its gradient step against a loop, and what it does with repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from warmnas.bench import Candidates, UnknownName, WarmnasError, space
from warmnas.bench.spaces.categorical import CategoricalSpace
from warmnas.search import Problem, make_optimizer
from warmnas.search.optimizer import Optimizer
from warmnas.search.optimizers.policies import POLICIES, Adam, Factorised
from warmnas.search.optimizers.reinforce import Reinforce
from warmnas.search.streams import Streams

CELLS = space("nasbench201")


def problem(runs: int = 2, budget: int = 40, every: int = 1) -> Problem:
    genotypes = CELLS.all_genotypes()[::every]
    seeds = tuple(np.random.SeedSequence(7).spawn(runs))
    return Problem(Candidates(CELLS, genotypes, np.arange(len(genotypes))), seeds, budget)


def make(spec: str, given: Problem) -> Reinforce:
    found: Optimizer = make_optimizer(spec, given)
    assert isinstance(found, Reinforce)
    return found


def streams(runs: int) -> Streams:
    return Streams(tuple(np.random.SeedSequence(3).spawn(runs)))


@pytest.mark.parametrize("kind", POLICIES)
def test_probabilities_sum_to_one_and_draws_follow_them(kind):
    """Genes with different numbers of choices; every genotype as a run of equal, far from uniform parameters."""
    of = CategoricalSpace([("kernel", ["1", "3", "5"]), ("width", ["8", "16"]), ("depth", ["1", "2", "3", "4"])])
    every = of.all_genotypes()
    wide = POLICIES[kind](of, 40 * len(every), streams(40 * len(every)))
    own = torch.Generator().manual_seed(0)
    for parameter in wide.parameters:
        parameter.data = torch.randn(parameter.shape[1:], generator=own).expand(parameter.shape).clone()
    p = wide.log_probability(np.repeat(every, 40, axis=0)).detach().double().exp().numpy()[::40]
    assert p.sum() == pytest.approx(1, abs=1e-5)
    assert p.max() > 3 / len(p)  # or the frequencies would prove nothing
    drawn = np.concatenate([wide.draw(np.random.default_rng(i).random((40 * len(every), 3))) for i in range(4)])
    seen = np.bincount(of.index(drawn), minlength=len(every)) / len(drawn)
    assert np.abs(seen - p[np.argsort(of.index(every))]).max() < 0.03


def test_a_step_is_that_of_the_reference_loop():
    """One run of NAS-Bench-201's loop in plain numpy: logits, moving average with the newest value in it, Adam."""
    given = problem(runs=1, budget=12)
    own = make("reinforce[policy=factorised,rate=0.05]", given)
    logits = [p.detach().double().numpy()[0].copy() for p in own.policy.parameters]
    moments = [np.zeros((2, 5)) for _ in logits]
    values = np.random.default_rng(1).normal(80, 5, len(CELLS.all_genotypes()))
    top = bottom = 0.0
    for count in range(1, 13):
        asked = own.ask(1)
        reward = values[given.candidates.rows(asked)[0, 0]]
        own.tell(asked, np.array([[reward]]))
        top, bottom = 0.9 * top + 0.1 * reward, 0.9 * bottom + 0.1
        for gene, (row, moment) in enumerate(zip(logits, moments, strict=True)):
            p = np.exp(row) / np.exp(row).sum()
            slope = (p - np.eye(5)[asked[0, 0, gene]]) * (reward - top / bottom)
            moment[0] = 0.9 * moment[0] + 0.1 * slope
            moment[1] = 0.999 * moment[1] + 0.001 * slope**2
            row -= 0.05 * (moment[0] / (1 - 0.9**count)) / (np.sqrt(moment[1] / (1 - 0.999**count)) + 1e-8)
    for p, row in zip(own.policy.parameters, logits, strict=True):
        np.testing.assert_allclose(p.detach().numpy()[0], row, atol=1e-4)


@pytest.mark.parametrize(("spec", "budget"), [("reinforce[rate=0.03]", 45), ("reinforce[policy=factorised,rate=0.3]", 90)])
def test_it_learns_what_is_good(spec, budget):
    """The values are how many genes are 3; random search would find five of them in one run of ten."""
    given = problem(runs=3, budget=budget)
    own = make(spec, given)
    best = np.zeros(3)
    for _ in range(budget):
        asked = own.ask(1)
        good = (asked == 3).sum(axis=2).astype(float)
        own.tell(asked, good)
        best = np.maximum(best, good[:, 0])
    assert best.min() >= 5


def test_a_sharp_policy_goes_on_with_new_neighbours_and_learns_from_repeats(monkeypatch):
    given = problem(runs=2, budget=30)
    own = make("reinforce[policy=factorised]", given)
    with torch.no_grad():
        for p in own.policy.parameters:
            p[:, 2] = 40.0
    steps: list[int] = []
    adam = own.adam.step

    def counted(slopes: list[torch.Tensor], who: torch.Tensor) -> None:
        steps.append(int(who.sum()))
        adam(slopes, who)

    monkeypatch.setattr(own.adam, "step", counted)
    rows = set()
    for _ in range(30):
        asked = own.ask(1)
        rows |= {(run, int(row)) for run, row in enumerate(given.candidates.rows(asked)[:, 0])}
        own.tell(asked, np.full((2, 1), 50.0))
    assert len(rows) == 60  # nothing twice
    assert sum(steps) > 60  # the drawn cell was drawn again, and taught again


def test_a_run_that_does_not_step_keeps_its_moments():
    p = torch.ones(2, 3, requires_grad=True)
    alone = torch.ones(1, 3, requires_grad=True)
    both, one = Adam([p], 0.1), Adam([alone], 0.1)
    rng = torch.Generator().manual_seed(0)
    for step in range(6):
        slopes = torch.randn(2, 3, generator=rng)
        both.step([slopes], torch.tensor([True, step % 2 == 0]))
        if step % 2 == 0:
            one.step([slopes[1:]], torch.tensor([True]))
    torch.testing.assert_close(p[1:], alone)


def test_candidates_that_are_not_drawn_are_no_dead_end():
    """Of every 600th cell few are ever drawn; the others are found all the same, each once."""
    given = problem(runs=1, budget=20, every=600)
    own = make("reinforce", given)
    rows = []
    for _ in range(20):
        asked = own.ask(1)
        rows.append(int(given.candidates.rows(asked)[0, 0]))
        own.tell(asked, np.ones((1, 1)))
    assert len(set(rows)) == 20
    assert isinstance(own.policy, POLICIES["lstm"])
    assert not isinstance(own.policy, Factorised)


def test_bad_options():
    with pytest.raises(UnknownName, match="factorised"):
        make_optimizer("reinforce[policy=factorized]", problem())
    for text in ("rate=0", "momentum=1"):
        with pytest.raises(WarmnasError, match="wrong value"):
            make_optimizer(f"reinforce[{text}]", problem())
