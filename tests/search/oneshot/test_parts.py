"""Parts against independent references: probabilities, gradients, eigenvalues, rules."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from warmnas.bench import WarmnasError, space
from warmnas.bench.networks.mixture import Mixture
from warmnas.metadata.tasks import Part
from warmnas.search.oneshot.loop import one_epoch
from warmnas.search.oneshot.memory import held_bytes
from warmnas.search.oneshot.parts import curvature
from warmnas.search.oneshot.parts.adaptive import Adaptive, restore, snapshot
from warmnas.search.oneshot.parts.candidates import most_probable
from warmnas.search.oneshot.parts.colour import colour_bins, lab
from warmnas.search.oneshot.parts.controller import Controller
from warmnas.search.oneshot.parts.curvature import Curvature, dominant_eigenvalue
from warmnas.search.oneshot.parts.gates import Gates, gate_gradient, keep_others
from warmnas.search.oneshot.parts.gumbel import straight_through
from warmnas.search.oneshot.parts.importance import log_probability
from warmnas.search.oneshot.parts.path_dropout import PathDropout
from warmnas.search.oneshot.parts.pretext import distant_permutations
from warmnas.search.oneshot.parts.reading import FewSkips, Threshold
from warmnas.search.oneshot.parts.reinforce import Reinforce
from warmnas.search.oneshot.parts.stop_rules import StopRules

CELLS = space("nasbench201")


@pytest.fixture
def searched(run):
    """A search with alphas, one epoch in."""
    return lambda name="darts", **options: run(name, epochs=1, **options).search


def put(search, genotype, strength=2.0):
    """Let alpha prefer a genotype."""
    with torch.no_grad():
        for alpha, columns in zip(search.alphas, search.layout.columns(genotype), strict=True):
            alpha.zero_()
            for edge, column in enumerate(columns):
                if column >= 0:
                    alpha[edge, int(column)] = strength


def test_eigenvalue_is_that_of_the_hessian():
    torch.manual_seed(0)
    matrix = torch.randn(7, 7, dtype=torch.double)
    matrix = matrix + matrix.T
    x, y = torch.randn(3, dtype=torch.double, requires_grad=True), torch.randn(4, dtype=torch.double, requires_grad=True)

    def loss():
        z = torch.cat([x, y])
        return z @ matrix @ z / 2 + z.sum()

    values = torch.linalg.eigvalsh(matrix)
    wanted = values[values.abs().argmax()]
    assert dominant_eigenvalue(loss, [x, y], products=500, close=1e-9) == pytest.approx(float(wanted), rel=1e-3)


def test_curvature_stops_and_goes_back(searched):
    search = searched("robust-darts")
    rule = Curvature(window=2, ratio=0.75, products=1)
    rule._values, rule._alphas = (
        [1e-12, 1e-12, 1.0],
        [[torch.full_like(a, float(i)) for a in search.alphas] for i in range(3)],
    )
    search.held = iter([(torch.zeros(4, 3, 8, 8), torch.zeros(4, dtype=torch.long))])
    assert rule._smooth(1) is None
    rule.after_epoch(search)
    assert len(rule._values) == 4
    assert search.stopped == f"curvature rose; alpha is that of epoch {search.epoch - 2}"
    assert float(search.alphas[0].detach().mean()) == 1.0
    assert np.isfinite(search.notes["eigenvalue"])


def test_adaptive_decay_goes_back_as_a_whole(run, tmp_path, monkeypatch):
    """The eigenvalue doubles with every epoch until the decay is at its most: 3, then 9, 27, 81 and 243 times 1e-4."""
    seen: list[int] = []

    def grows(loss, parameters, products):
        seen.append(1)
        return 2.0 ** len(seen)

    monkeypatch.setattr(curvature, "dominant_eigenvalue", grows)
    monkeypatch.setattr(Adaptive.__init__, "__defaults__", (3.0, 243e-4, 1, 0.75, 20))
    marks: dict[int, tuple[int, int, int]] = {}

    def note(epoch, row):
        marks[len(marks)] = epoch, row["epoch"], round(row["weight decay"] * 1e4)

    found = run("robust-darts[variant=ada]", epochs=4, report=note, folder=tmp_path)
    assert [mark[1] for mark in marks.values()] == [1, 2, 2, 2, 2, 2, 3, 4]
    assert [mark[0] for mark in marks.values()] == [1, 1, 1, 1, 1, 2, 3, 4]
    assert [mark[2] for mark in marks.values()] == [3, 9, 27, 81, 243, 243, 243, 243]
    assert [row["epoch"] for row in found.history] == [mark[1] for mark in marks.values()]
    assert not found.stopped


def test_a_snapshot_is_the_whole_state(searched):
    search = searched("darts")
    kept, before = snapshot(search), {k: v.clone() for k, v in search.supernet.state_dict().items()}
    alpha = search.alphas[0].detach().clone()
    moments = copy.deepcopy(search.weights_optimizer.state_dict()["state"])
    epoch = search.epoch
    one_epoch(search)
    assert not torch.equal(search.alphas[0].detach(), alpha)
    restore(search, kept)
    assert (search.epoch, search.progress) == (epoch, float(epoch))
    assert torch.equal(search.alphas[0].detach(), alpha)
    assert all(torch.equal(v, before[k]) for k, v in search.supernet.state_dict().items())
    for place, state in search.weights_optimizer.state_dict()["state"].items():
        assert torch.equal(state["momentum_buffer"], moments[place]["momentum_buffer"])


def test_straight_through_is_one_hot_with_the_gradient_of_the_softmax():
    torch.manual_seed(0)
    logs = torch.randn(6, 5, dtype=torch.double).log_softmax(1).requires_grad_()
    torch.manual_seed(1)
    hard = straight_through(logs, 0.7)
    assert torch.allclose(hard.detach().sort(dim=1).values, torch.tensor([0.0, 0, 0, 0, 1], dtype=torch.double))
    values = torch.randn(6, 5, dtype=torch.double)
    (found,) = torch.autograd.grad((hard * values).sum(), logs)
    torch.manual_seed(1)
    noise = -torch.empty_like(logs).exponential_().log()
    (wanted,) = torch.autograd.grad((((logs + noise) / 0.7).softmax(1) * values).sum(), logs)
    assert torch.allclose(found, wanted)


def test_gumbel_draws_follow_the_distribution():
    torch.manual_seed(0)
    p = torch.tensor([0.1, 0.2, 0.3, 0.4])
    drawn = straight_through(p.log().expand(8000, 4), 5.0).mean(dim=0)
    assert drawn.tolist() == pytest.approx(p.tolist(), abs=0.03)


def test_gate_gradient_is_that_of_the_softmax_over_two():
    torch.manual_seed(0)
    alpha = torch.nn.Parameter(torch.randn(3, 5, dtype=torch.double))
    columns = torch.tensor([[0, 3], [4, 1], [2, 0]])
    slope = torch.randn(3, 5, dtype=torch.double)
    wanted = torch.autograd.grad((alpha.gather(1, columns).softmax(1) * slope.gather(1, columns)).sum(), alpha)[0]
    assert torch.allclose(gate_gradient(alpha, slope, columns), wanted)
    before = alpha.detach().clone()
    with torch.no_grad():
        alpha.add_(torch.randn_like(alpha))
    keep_others(alpha, before, columns)
    old, new = before.softmax(1), alpha.detach().softmax(1)
    rest = torch.ones_like(old).scatter_(1, columns, 0.0).bool()
    assert torch.allclose(old[rest], new[rest])
    assert not torch.allclose(old[~rest], new[~rest])


def test_two_paths_take_less_memory_than_all(searched):
    search = searched("proxylessnas", batch=16)
    x, y = torch.randn(16, 3, 8, 8), torch.zeros(16, dtype=torch.long)
    sampler = search.method.sampler
    assert isinstance(sampler, Gates)
    put(search, CELLS.from_string("333333"), 4.0)
    path = held_bytes(lambda: search.loss(search.layout.path(CELLS.from_string("333333")), x, y))
    two = np.mean([held_bytes(lambda: search.loss(sampler.architecture(search), x, y)) for _ in range(5)])
    full = held_bytes(lambda: search.loss(Mixture(search.open(), tuple(search.probabilities())), x, y))
    assert path < two < 1.6 * path
    assert two < 0.75 * full


def test_log_probability_sums_to_one(searched):
    search = searched("parsec")
    with torch.no_grad():
        for mask in search.allowed:
            mask[:, 2:] = False
        choices = np.stack(np.meshgrid(*[[0, 1]] * 6), axis=-1).reshape(-1, 6)
        paths = [Mixture((tuple((int(c),) for c in row),)) for row in choices]
        total = np.sum([log_probability(search, path).exp().item() for path in paths])
    assert total == pytest.approx(1.0, abs=1e-4)


def test_the_most_probable_come_first(searched):
    search, wanted = searched("setn"), CELLS.from_string("321431")
    put(search, wanted)
    found = most_probable(20)(search)
    np.testing.assert_array_equal(found[0], wanted)
    assert ((found[1:7] != wanted).sum(axis=1) == 1).all()


def test_controller_learns_what_is_rewarded():
    """REINFORCE on a reward without any network: the share of 3x3 convolutions."""
    torch.manual_seed(0)
    controller, update = Controller(CELLS), Reinforce(1)
    adam = torch.optim.Adam(controller.parameters(), 2e-2)
    shares = []
    for _ in range(60):
        drawn, logs, _ = controller(10)
        rewards = (drawn == 3).mean(axis=1)
        shares.append(rewards.mean())
        adam.zero_grad()
        advantages = torch.tensor([update._advantage(float(r)) for r in rewards])
        (-(logs * advantages).mean()).backward()
        adam.step()
    assert np.mean(shares[-20:]) > np.mean(shares[:20]) + 0.2
    with torch.no_grad():
        drawn, logs, entropies = controller(50)
        assert torch.allclose(controller(50, drawn)[1], logs, atol=1e-5)
    assert entropies.max() <= 6 * np.log(5) + 1e-4


def test_path_dropout_drops_a_whole_node_with_probability_r(searched):
    search = searched("bender")
    sampler = PathDropout(0.3)
    sampler.start(search)
    search.progress = float(search.settings.epochs)
    masks = [sampler.weights(search).active[0] for _ in range(1500)]
    node_3 = [e for e, (_, target) in enumerate(search.layout.ends) if target == 3]
    gone = np.mean([not any(mask[e] for e in node_3) for mask in masks])
    assert gone == pytest.approx(0.3, abs=0.04)
    search.progress = 0.0
    assert sampler.weights(search).active[0] == ((1, 2, 3, 4),) * 6


def test_stop_at_two_skips(searched):
    search = searched("darts-plus")
    put(search, CELLS.from_string("131233"))
    StopRules(2).after_epoch(search)
    assert search.stopped.startswith("the cell has 2 skips")


def test_stop_when_the_order_is_stable(searched):
    search = searched("darts-plus")
    search.stopped = ""
    put(search, CELLS.from_string("333333"))
    rule = StopRules(2, stable=2)
    for stopped in (False, False, True):
        rule.after_epoch(search)
        assert bool(search.stopped) is stopped


def test_few_skips_and_threshold(searched):
    search = searched("darts")
    put(search, CELLS.from_string("111113"))
    with torch.no_grad():
        search.alphas[0] += torch.arange(6.0)[:, None] * torch.tensor([0.0, 0.1, 0, 0.01, 0])
    found = FewSkips(2).read(search)
    assert search.layout.skips(found) == 2
    assert (found == 1).nonzero()[0].tolist() == [3, 4]
    fair = searched("fair-darts")
    put(fair, CELLS.from_string("323113"))
    with torch.no_grad():
        fair.alphas[0][0, 3] = 1.0  # sigmoid .73
    np.testing.assert_array_equal(Threshold(0.85).read(fair), CELLS.from_string("023113"))
    np.testing.assert_array_equal(Threshold(0.99).read(fair), CELLS.from_string("323113"))


def test_pruning_shrinks_the_supernet(searched):
    search = searched("asap[cold=0.01,hot=0.01]")
    put(search, CELLS.from_string("334131"), 1.0)
    one_epoch(search)
    left = search.history[-1]["left"]
    assert left < 30
    assert all(bool(mask.any(dim=1).all()) for mask in search.allowed)
    assert sum(len(columns) for columns in search.open()[0]) == left
    np.testing.assert_array_equal(search.method.readout.read(search), CELLS.from_string("334131"))


def test_p_darts_grows_in_depth_and_loses_operations(run):
    search = run("p-darts[stages=3]", epochs=3).search
    assert search.cells == 3
    assert [int(n) for n in search.allowed[0].sum(dim=1)] == [2] * 6
    assert run("p-darts[stages=3]", epochs=1).search.cells == 1


def test_colours():
    white, black = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)
    assert lab(white).flatten().tolist() == pytest.approx([100, 0, 0], abs=0.1)
    assert lab(black).flatten().tolist() == pytest.approx([0, 0, 0], abs=0.1)
    red = torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1)
    assert lab(red).flatten().tolist() == pytest.approx([53.24, 80.09, 67.20], abs=0.1)  # as colour tables list it
    table, n = colour_bins()
    assert 200 < n < 330
    assert len(torch.unique(table)) == n


def test_permutations_are_far_apart():
    orders = distant_permutations(20)
    assert (np.sort(orders, axis=1) == np.arange(9)).all()
    apart = (orders[:, None] != orders).sum(axis=-1)[np.triu_indices(20, 1)]
    assert apart.min() >= 7


def test_pretext_tasks(run, tiny, bright):
    with pytest.raises(WarmnasError, match="12 pixels"):
        run("unnas[task=jigsaw]", epochs=1)
    rng = np.random.default_rng(0)
    larger = replace(tiny, train=bright(34, rng, 12), val=bright(12, rng, 12))
    for found in (run("unnas[task=colour]", epochs=1), run("unnas[task=jigsaw,permutations=6]", larger, epochs=1)):
        assert found.alpha_change > 0
        assert 0 <= found.accuracy <= 100
    grey = replace(tiny, train=bright(34, rng, 8, 1), val=bright(12, rng, 8, 1))
    with pytest.raises(WarmnasError, match="grey"):
        run("unnas[task=colour]", grey, epochs=1)


def test_unnas_reads_no_label(run, tiny):
    # Halves are drawn class by class: where all images have one label, they are the same whichever it is.
    constant = replace(tiny, train=Part(tiny.train.images, np.zeros_like(tiny.train.labels)))
    other = replace(tiny, train=Part(tiny.train.images, np.full_like(tiny.train.labels, 2)))
    assert run("unnas", constant, epochs=1).history == run("unnas", other, epochs=1).history
