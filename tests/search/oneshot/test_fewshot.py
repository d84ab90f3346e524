"""Episodes, the meta-gradient against finite differences, and what a few-shot study reports."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from warmnas.bench import UnknownName, WarmnasError, space
from warmnas.cli import main
from warmnas.metadata.tasks import ImageTask, open_task
from warmnas.search.oneshot.fewshot.episodes import Episodes, parted
from warmnas.search.oneshot.fewshot.learner import MetaSearch, Rates
from warmnas.search.oneshot.fewshot.study import METHODS, compared, few_shot

CELLS = space("nasbench201")


@pytest.fixture(scope="module")
def digits() -> ImageTask:
    return open_task("digits")


def test_episodes_have_new_classes_and_no_image_twice(digits):
    rng = np.random.default_rng(0)
    learnt, tested = parted(digits, 0.6, rng)
    assert (len(learnt), len(tested), set(learnt) | set(tested)) == (6, 4, set(range(10)))
    numbered = replace(digits, train=replace(digits.train, images=digits.train.images.copy()))
    labels = digits.train.labels
    numbered.train.images[:, 0, 0, 0] = 0  # a pixel says the class, another two the image
    numbered.train.images[:, 0, 0, 0] = labels * 20
    numbered.train.images[:, 0, 1, 0] = np.arange(len(labels)) % 256
    numbered.train.images[:, 0, 2, 0] = np.arange(len(labels)) // 256
    episode = Episodes(numbered, tested, 3, 2, 4).draw(rng)
    assert episode.support.shape == (6, 1, 8, 8)
    assert episode.query.shape == (12, 1, 8, 8)
    both = torch.cat([episode.support, episode.query])
    marks = torch.cat([episode.support_labels, episode.query_labels])
    classes = (both[:, 0, 0, 0] * numbered.std[0] * 255 + numbered.mean[0] * 255).div(20).round().long()
    for way in range(3):
        (known,) = set(classes[marks == way].tolist())
        assert known in tested
    assert len({(float(a), float(b)) for a, b in both[:, 0, 0, 1:3]}) == 18


@pytest.mark.parametrize("outer", ["maml", "fomaml"])
def test_meta_gradient(outer, digits):
    """MAML's is that of the loss after adaptation, by finite differences; the first-order one is not."""
    torch.manual_seed(0)
    rates = Rates(outer, steps=2, rate_w=0.3, rate_alpha=1.0, batch=1)
    own = MetaSearch(CELLS, (1, 8, 8), 3, rates, 2, 1)
    own.network.double()
    for parameter in (*own.weights.values(), *own.alphas):
        parameter.data = parameter.data.double()
    episode = Episodes(digits, list(range(10)), 3, 3, 3).draw(np.random.default_rng(1)).double()

    def after() -> float:
        weights, alphas = own.adapt(episode)
        with torch.no_grad():
            return float(own.loss(weights, own.mixture(alphas), episode.query, episode.query_labels))

    slopes = own.meta_gradient(episode)[0]
    parameters = [*own.weights.values(), *own.alphas]
    directions = [torch.randn_like(p) for p in parameters]
    along = sum(float((s * d).sum()) for s, d in zip(slopes, directions, strict=True) if s is not None)
    values = []  # the step is tiny: where an activation crosses zero, an adapted weight jumps
    for sign in (1, -1):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p += sign * 1e-8 * d
        values.append(after())
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p -= sign * 1e-8 * d
    wanted = (values[0] - values[1]) / 2e-8
    if outer == "maml":
        assert along == pytest.approx(wanted, rel=2e-2, abs=1e-3)
    else:
        assert along != pytest.approx(wanted, rel=2e-2, abs=1e-3)


def test_reptile_moves_towards_the_adapted_parameters(digits):
    torch.manual_seed(0)
    own = MetaSearch(CELLS, (1, 8, 8), 3, Rates("reptile", steps=1, meta_w=1.0, meta_alpha=0.5, batch=1), 2, 1)
    episodes = Episodes(digits, list(range(10)), 3, 2, 2)
    weights, alphas = own.adapt(episodes.draw(np.random.default_rng(5)))
    halfway = (alphas[0] + own.alphas[0].detach()) / 2
    own.meta_step(episodes, np.random.default_rng(5))
    assert torch.allclose(own.alphas[0], halfway)
    for (name, value), moved in zip(weights.items(), own.start()[0].values(), strict=True):
        assert torch.allclose(value, moved, atol=1e-6), name


@pytest.mark.parametrize("method", METHODS)
def test_a_study_has_its_controls(method, digits):
    found = few_shot(method, CELLS, digits, ways=3, shots=2, queries=2, meta_steps=1, episodes=3, width=2)
    assert [row["name"] for row in found["rows"]] == ["method", "random architecture", "no adaptation", "centroids"]
    assert all(0 <= row["accuracy"] <= 100 and np.isfinite(row["half"]) for row in found["rows"])
    own = found["rows"][0]["accuracy"]
    assert found["rows"][1]["difference"]["accuracy"] == pytest.approx(own - found["rows"][1]["accuracy"])
    if METHODS[method].rate_alpha == 0:
        assert found["rows"][2]["difference"]["accuracy"] == 0
    assert CELLS.from_string(found["cell"]).shape == (6,)


def test_bad_input(digits):
    with pytest.raises(UnknownName, match="did you mean 'metanas'"):
        few_shot("meta-nas", CELLS, digits)
    with pytest.raises(WarmnasError, match="4 classes on one side, fewer than 5"):
        few_shot("maml", CELLS, digits)
    with pytest.raises(WarmnasError, match=r"a class has \d+ images, fewer than 90 \+ 30"):
        few_shot("maml", CELLS, digits, ways=3, shots=90, queries=30)


NUMBERS = {"ways": 3, "shots": 2, "queries": 2, "steps": 0, "episodes": 2, "width": 2, "resolution": 8}
SMALL = [word for name, value in NUMBERS.items() for word in (f"--{name}", str(value))]


def test_the_command(tmp_path, capsys):
    out = tmp_path / "few"
    words = ["fewshot", "--method", "fomaml", "metanas", "--data", "digits", "--out", str(out), *SMALL]
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == json.loads((out / "summary.json").read_text())
    fomaml, metanas = content["rows"]
    assert (fomaml["method"], metanas["method"]) == ("fomaml", "metanas")
    assert (fomaml["reading_gap"], fomaml["keep_task_architecture"]) == (None, None)
    assert isinstance(metanas["keep_task_architecture"], bool)
    text = (out / "report.html").read_text()
    assert f"{metanas['rows'][0]['accuracy']:.1f}" in text
    assert metanas["cell"] in text
    assert main([word for word in words if word != "fomaml"] + ["--json"]) == 0
    (again,) = json.loads(capsys.readouterr().out)["rows"]
    assert again["rows"] == metanas["rows"]  # the same seed, and nothing of the other method


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--method", "meta-nas"], "did you mean 'metanas'"),
        (["--method", "maml", "--ways", "5"], "4 classes on one side, fewer than 5"),
        (["--method", "maml", "--shots", "500"], "fewer than 500 + 2"),
        (["--method", "maml", "--ways", "1"], "--ways"),
        (["--method", "maml", "--space", "chain"], "no supernet"),
        (["--method", "maml", "--space", "elastic"], "elastic"),
    ],
)
def test_bad_arguments(changed, said, tmp_path, capsys):
    assert main(["fewshot", "--data", "digits", "--out", str(tmp_path / "few"), *SMALL, *changed]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "few").exists()


def test_divergence_is_a_failure(tmp_path, capsys, monkeypatch):
    def spoil(self, weights, mixture, images):
        return torch.full((len(images), 3), float("nan"), requires_grad=True) + sum(w.sum() for w in weights.values())

    monkeypatch.setattr(MetaSearch, "logits", spoil)
    words = ["fewshot", "--method", "reptile", "--data", "digits", "--out", str(tmp_path / "few"), *SMALL]
    assert main([*words, "--steps", "1"]) == 1
    assert "not a finite number" in capsys.readouterr().err


def test_a_searched_architecture_is_kept_where_its_interval_is_above_nothing():
    rng = np.random.default_rng(0)
    base = rng.uniform(40, 60, (300, 1))
    gains = np.array([5.0, 1.0, 0.0, 2.0, 5.0]) + rng.normal(0, 3, (300, 5))
    assert compared(base + gains, METHODS["metanas"])["keep_task_architecture"] is True
    gains = np.array([0.0, 1.0, 0.2, 2.0, 0.0]) + rng.normal(0, 3, (300, 5))
    found = compared(base + gains, METHODS["t-nas"])
    assert found["keep_task_architecture"] is False
    half = 1.96 * (gains[:, 0] - gains[:, 1]).std(ddof=1) / np.sqrt(300)
    assert found["rows"][1]["difference"]["half"] == pytest.approx(half)
