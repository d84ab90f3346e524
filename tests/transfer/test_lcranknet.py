"""LCRankNet through its public face, on made-up tasks whose best operation is known."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from warmnas.bench import CategoricalSpace, CorruptFile, FloatArray, Genotypes, WarmnasError, space
from warmnas.transfer.lcranknet import LCRankNet, load_lcranknet

CELLS = space("nasbench201")
EPOCHS = 12
CONV3 = 3


def quality(genotypes: Genotypes, wanted: int = CONV3) -> FloatArray:
    """Live operations of one kind; the position breaks ties."""
    live = CELLS.live(CELLS.canonical(genotypes))
    total: FloatArray = ((live == wanted) * (1 + 0.1 * np.arange(6))).sum(axis=-1)
    return total


def task(n: int, seed: int, level: float = 60.0, epochs: int = EPOCHS, wanted: int = CONV3) -> tuple[Genotypes, FloatArray]:
    """Trainings that end around ``level``; the noise of a value falls along the training."""
    rng = np.random.default_rng(seed)
    genotypes = CELLS.sample(n, rng)
    end = level * (1 + 0.05 * (quality(genotypes, wanted) - 2) + 0.02 * rng.standard_normal(n))
    t = np.arange(1, epochs + 1) / epochs
    noise = rng.standard_normal((n, epochs)) * 0.08 * level * (1 - t)
    return genotypes, np.clip(end[:, None] * (1 - 0.8 * np.exp(-4 * t)) + noise, 0, 100)


def cut(curves: FloatArray, epochs: int) -> FloatArray:
    partial = curves.copy()
    partial[:, epochs:] = np.nan
    return partial


SOURCES = {"one": task(150, 1, 70), "two": task(150, 2, 50), "three": task(120, 3, 60)}


@pytest.fixture(scope="module")
def fitted() -> LCRankNet:
    return LCRankNet(members=3, steps=200).fit(SOURCES, CELLS, seed=0)


@pytest.fixture(scope="module")
def target() -> tuple[Genotypes, FloatArray]:
    return task(120, 9, 35)  # a harder task than all sources


def rank(model: LCRankNet, genotypes: Genotypes, curves: FloatArray, epochs: int) -> float:
    shown = cut(curves, epochs)
    scores = model.copy().adapt(genotypes, shown).score(genotypes, shown)
    return float(spearmanr(scores, curves[:, -1])[0])


@pytest.mark.parametrize("epochs", [1, 3, 6])
def test_it_ranks_trainings_of_a_harder_task_better_than_their_last_values(fitted, target, epochs):
    genotypes, curves = target
    last = spearmanr(curves[:, epochs - 1], curves[:, -1])[0]
    assert rank(fitted, genotypes, curves, epochs) > last + 0.03


def test_of_nothing_seen_it_judges_by_the_architecture(fitted, target):
    genotypes, curves = target
    nothing = np.full_like(curves, np.nan)
    assert spearmanr(fitted.score(genotypes, nothing), curves[:, -1])[0] > 0.8
    p = fitted.p_better(genotypes, nothing, genotypes[:1], curves[:1])
    assert spearmanr(p, curves[:, -1])[0] > 0.8


def test_a_training_that_is_well_ahead_is_believed_in_though_its_architecture_is_not(fitted):
    worst = CELLS.from_string("111111")[None]
    slow, fast = np.full((2, 1, EPOCHS), np.nan)
    slow[0, :10], fast[0, :10] = np.linspace(10, 30, 10), np.linspace(30, 85, 10)
    best = np.linspace(20, 60, EPOCHS)[None]
    p = [float(fitted.p_better(worst, c, CELLS.from_string("333333")[None], best)[0]) for c in (slow, fast)]
    assert p[0] < 0.2 < 0.5 <= p[1]


@pytest.mark.parametrize("epochs", [1, 4, 9])
def test_probabilities_of_beating_the_best_so_far_are_better_than_their_base_rate(fitted, target, epochs):
    genotypes, curves = target
    rng = np.random.default_rng(0)
    final, count = curves[:, -1], 600
    before = rng.integers(0, len(curves), (count, 4))
    b = before[np.arange(count), final[before].argmax(axis=1)]
    a = rng.integers(0, len(curves), count)
    a, b = a[a != b], b[a != b]
    model = fitted.copy().adapt(genotypes, cut(curves, epochs))
    p = model.p_better(genotypes[a], cut(curves, epochs)[a], genotypes[b], curves[b])
    truth = (final[a] > final[b]).astype(float)
    rate = truth.mean()
    assert np.mean((p - truth) ** 2) < 0.8 * rate * (1 - rate)
    assert abs(p.mean() - rate) < 0.2


def test_two_ends_are_compared_exactly(fitted, target):
    genotypes, curves = target
    curves = curves[:3].copy()
    curves[1, -1] = curves[0, -1]
    curves[2, -1] = curves[0, -1] + 0.5
    p = fitted.p_better(genotypes[:3], curves, genotypes[:1], curves[:1])
    np.testing.assert_array_equal(p, [0.5, 0.5, 1.0])
    wide = LCRankNet(members=1, steps=1, tie=1.0).fit(SOURCES, CELLS)
    np.testing.assert_array_equal(wide.p_better(genotypes[:3], curves, genotypes[:1], curves[:1]), 0.5)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.integers(0, 119), min_size=1, max_size=12), epochs=st.integers(0, EPOCHS))
def test_an_answer_does_not_depend_on_what_is_asked_beside_it(fitted, target, rows, epochs):
    genotypes, curves = target
    shown = cut(curves, epochs)
    together = fitted.p_better(genotypes[rows], shown[rows], genotypes[:1], curves[:1])
    alone = [fitted.p_better(genotypes[[r]], shown[[r]], genotypes[:1], curves[:1])[0] for r in rows]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert ((together >= 0) & (together <= 1)).all()
    scores = fitted.score(genotypes[rows], shown[rows])
    np.testing.assert_allclose(scores, [fitted.score(genotypes[[r]], shown[[r]])[0] for r in rows], atol=1e-4)


def test_architectures_of_one_function_have_one_score(fitted):
    genotypes = CELLS.sample(200, np.random.default_rng(3))
    nothing = np.full((200, EPOCHS), np.nan)
    np.testing.assert_array_equal(fitted.score(genotypes, nothing), fitted.score(CELLS.canonical(genotypes), nothing))


def test_scores_without_torch_are_the_networks(fitted, target):
    import torch

    genotypes, curves = target
    shown = np.concatenate([cut(curves, 4)[:50], cut(curves, 0)[50:60], curves[60:]])
    x, read = fitted._check(genotypes, shown)
    with torch.no_grad():
        features = fitted._features(x, read, np.full(len(x), 33.0))
        mean = fitted._network.tasks.mean(dim=1, keepdim=True)
        wanted = fitted._network.score(features, mean.expand(-1, len(x), -1)).numpy().mean(axis=0)
    np.testing.assert_allclose(fitted.score(genotypes, shown, reference=33.0), wanted, atol=1e-4)


def test_a_refit_turns_to_a_target_that_disagrees(fitted):
    genotypes, curves = task(100, 11, 45, wanted=1)  # another operation is the good one
    nothing = np.full_like(curves, np.nan)
    before = spearmanr(fitted.score(genotypes[40:], nothing[40:]), curves[40:, -1])[0]
    model = fitted.copy().adapt(genotypes[:40], curves[:40])
    after = spearmanr(model.score(genotypes[40:], nothing[40:]), curves[40:, -1])[0]
    assert after > before + 0.1
    assert model.reference_ == curves[:40, -1].max()


def test_a_refit_of_a_copy_leaves_the_other_and_does_not_depend_on_the_order(fitted, target):
    genotypes, curves = target
    shown = curves.copy()
    shown[10:20, 3:] = np.nan
    finished = ~np.isnan(shown[:, -1])
    before = fitted.score(genotypes, cut(curves, 2))
    a = fitted.copy().adapt(genotypes[:20], shown[:20], finished[:20])
    order = np.random.default_rng(0).permutation(20)
    b = fitted.copy().adapt(genotypes[order], shown[order], finished[order])
    np.testing.assert_allclose(a.score(genotypes, cut(curves, 2)), b.score(genotypes, cut(curves, 2)), atol=1e-3)
    assert not np.allclose(a.score(genotypes, cut(curves, 2)), before, atol=1e-3)
    np.testing.assert_array_equal(fitted.score(genotypes, cut(curves, 2)), before)
    # An earlier refit leaves no trace.
    again = a.adapt(genotypes[order], shown[order], finished[order])
    np.testing.assert_array_equal(again.score(genotypes, cut(curves, 2)), b.score(genotypes, cut(curves, 2)))


def test_what_is_said_of_a_partial_curve_does_not_depend_on_its_future(fitted, target):
    """Later epochs of terminated trainings, replaced by noise, are never read."""
    genotypes, curves = target
    noisy = curves.copy()
    noisy[10:, 5:] = np.random.default_rng(0).uniform(0, 100, noisy[10:, 5:].shape)
    answers = []
    for future in (curves, noisy):
        shown = future[:30].copy()
        shown[10:, 5:] = np.nan
        model = fitted.copy().adapt(genotypes[:30], shown)
        answers.append(model.p_better(genotypes[10:30], shown[10:30], genotypes[:1], shown[:1]))
    np.testing.assert_array_equal(answers[0], answers[1])


def test_without_sources_it_says_nothing_until_two_trainings_are_done(target):
    genotypes, curves = target
    model = LCRankNet(members=2, steps=100).fit({}, CELLS, seed=0)
    np.testing.assert_array_equal(model.score(genotypes, cut(curves, 3)), curves[:, 2])
    assert (model.p_better(genotypes, cut(curves, 3), genotypes[:1], curves[:1]) == 0.5).all()
    model.adapt(genotypes[:1], curves[:1])
    assert (model.p_better(genotypes, cut(curves, 3), genotypes[:1], curves[:1]) == 0.5).all()
    model.adapt(genotypes[:60], curves[:60])
    scores = model.score(genotypes[60:], cut(curves, 4)[60:])
    assert spearmanr(scores, curves[60:, -1])[0] > 0.5


@pytest.mark.parametrize("option", ["curve", "architecture"])
def test_a_part_that_is_switched_off_is_not_read(option, target):
    genotypes, curves = target
    model = LCRankNet(members=2, steps=10, **{option: False}).fit(SOURCES, CELLS)
    shown = cut(curves, 3)
    other = np.roll(genotypes, 1, axis=0), np.roll(shown, 1, axis=0)
    same = model.score(genotypes, other[1]) if option == "curve" else model.score(other[0], shown)
    changed = model.score(other[0], shown) if option == "curve" else model.score(genotypes, other[1])
    np.testing.assert_allclose(same, model.score(genotypes, shown), atol=1e-6)
    assert not np.allclose(changed, model.score(genotypes, shown), atol=1e-3)


def test_the_reconstruction_takes_part_in_training(target):
    genotypes, curves = target
    scores = [
        LCRankNet(members=1, steps=10, reconstruction=r).fit(SOURCES, CELLS).score(genotypes, cut(curves, 2))
        for r in (True, False)
    ]
    assert not np.allclose(scores[0], scores[1], atol=1e-3)


def test_the_same_seed_gives_the_same_model(target):
    genotypes, curves = target
    scores = [LCRankNet(members=2, steps=5).fit(SOURCES, CELLS, s).score(genotypes, cut(curves, 2)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


@pytest.mark.parametrize("epochs", [3, 20, 200])
def test_tasks_may_differ_in_their_epochs(fitted, epochs):
    genotypes, curves = task(100, 5, 55, epochs=epochs)
    assert rank(fitted, genotypes, curves, max(epochs // 3, 1)) > 0.75
    mixed = {"short": task(30, 1, epochs=8), "long": (genotypes, curves)}
    model = LCRankNet(members=2, steps=3).fit(mixed, CELLS)
    assert np.isfinite(model.score(genotypes, cut(curves, 1))).all()


@pytest.mark.parametrize("name", ["nasbench101", "darts", "chain", "categorical"])
def test_any_space_will_do(name):
    other = (
        CategoricalSpace([("kernel", ["1", "3", "5"]), ("width", ["8", "16"])]) if name == "categorical" else space(name)
    )
    genotypes = other.sample(20, np.random.default_rng(0))
    curves = np.sort(np.random.default_rng(1).uniform(10, 90, (20, 5)), axis=1)
    model = LCRankNet(members=2, steps=3).fit({"a": (genotypes, curves)}, other)
    model.adapt(genotypes[:4], curves[:4])
    p = model.p_better(genotypes[4:], cut(curves, 2)[4:], genotypes[:1], curves[:1])
    assert ((p > 0) & (p < 1)).all()


def test_a_saved_model_says_the_same(fitted, target, tmp_path):
    genotypes, curves = target
    fitted.save(tmp_path / "model.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    again = LCRankNet.load(tmp_path / "model.safetensors")
    assert again.get_params() == fitted.get_params()
    assert again.sources_ == ("one", "two", "three")
    shown = cut(curves, 3)
    np.testing.assert_array_equal(again.score(genotypes, shown), fitted.score(genotypes, shown))
    given = (genotypes, shown, genotypes[:1], curves[:1])
    np.testing.assert_array_equal(again.p_better(*given), fitted.p_better(*given))
    refitted = [m.copy().adapt(genotypes[:10], curves[:10]).score(genotypes, shown) for m in (fitted, again)]
    np.testing.assert_allclose(refitted[0], refitted[1], atol=1e-5)


def test_damaged_files_are_refused(fitted, tmp_path):
    with pytest.raises(WarmnasError, match="does not exist"):
        load_lcranknet(tmp_path / "no.safetensors")
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    whole = path.read_bytes()
    for damaged in (b"", b"no model", whole[: len(whole) // 2], whole.replace(b"warmnas lcranknet", b"another lcranknet")):
        path.write_bytes(damaged)
        with pytest.raises(CorruptFile, match="not a saved LCRankNet"):
            load_lcranknet(path)


def test_input_that_is_wrong_is_refused_in_one_line(fitted, target):
    genotypes, curves = target
    with pytest.raises(WarmnasError, match="call fit"):
        LCRankNet().score(genotypes, curves)
    with pytest.raises(WarmnasError, match="switch one of them on"):
        LCRankNet(curve=False, architecture=False).fit({}, CELLS)
    with pytest.raises(WarmnasError, match="members is 0"):
        LCRankNet(members=0).fit({}, CELLS)
    wrong = curves.copy()
    wrong[0, 2] = 120
    with pytest.raises(WarmnasError, match="curves of a, row 0, epoch 3: 120"):
        LCRankNet().fit({"a": (genotypes, wrong)}, CELLS)
    with pytest.raises(WarmnasError, match="multiply fractions by 100"):
        LCRankNet().fit({"a": (genotypes, curves / 100)}, CELLS)
    with pytest.raises(WarmnasError, match="two trainings that went to their end"):
        LCRankNet().fit({"a": (genotypes, cut(curves, 5))}, CELLS)
    with pytest.raises(WarmnasError, match="6 genes"):
        fitted.score(genotypes[:, :5], curves)
    with pytest.raises(WarmnasError, match="120 genotypes and 119 curves"):
        fitted.score(genotypes, curves[1:])
    with pytest.raises(WarmnasError, match="compared with 7"):
        fitted.p_better(genotypes, curves, genotypes[:7], curves[:7])
    with pytest.raises(WarmnasError, match="called finished has no last value"):
        fitted.copy().adapt(genotypes, cut(curves, 3), np.ones(120, dtype=bool))
    with pytest.raises(WarmnasError, match="finished_mask"):
        fitted.copy().adapt(genotypes, curves, np.ones(3, dtype=bool))


def test_sources_with_trainings_that_say_nothing_are_no_harm():
    genotypes, curves = task(40, 4)
    gaps = curves.copy()
    gaps[:5, -1] = np.nan
    gaps[6] = np.nan
    gaps[7, 2:5] = np.nan
    constant = np.full_like(curves, 10.0)
    given = {"a": (genotypes, gaps), "flat": (genotypes, constant), "none": (genotypes[:0], curves[:0])}
    model = LCRankNet(members=2, steps=5).fit(given, CELLS)
    assert model.sources_ == ("a", "flat")
    assert np.isfinite(model.score(genotypes, cut(curves, 3))).all()


def test_torch_is_imported_when_it_is_needed():
    code = "import sys, warmnas.transfer.lcranknet; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd="/")
