from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from warmnas.bench import SPACES, FloatArray, Genotypes, SearchSpace, space
from warmnas.search import Streams
from warmnas.surrogates.batched import LSTM, clip_gradients
from warmnas.surrogates.nao import NAO

CELLS = space("nasbench201")


def streams(runs: int, first: int = 0) -> Streams:
    return Streams([np.random.SeedSequence(0, spawn_key=(run,)) for run in range(first, first + runs)])


def observations(searched: SearchSpace, runs: int, n: int) -> tuple[Genotypes, FloatArray]:
    rng = np.random.default_rng(1)
    genotypes = searched.sample(runs * n, rng).reshape(runs, n, -1)
    return genotypes, (genotypes == 3).sum(axis=-1) - (genotypes == 0).sum(axis=-1) + 0.01 * rng.random((runs, n))


def test_a_stacked_network_has_the_gradients_that_it_has_alone() -> None:
    genotypes, values = observations(CELLS, 3, 8)
    tokens = torch.from_numpy(CELLS.tokens(genotypes))
    scores = torch.from_numpy(values)

    def gradients(runs: int, first: int) -> dict[str, torch.Tensor]:
        nao = NAO(CELLS, runs, streams(runs, first))
        nao.start()
        nao.network.double()
        part = slice(first, first + runs)
        nao._loss(tokens[part], scores[part]).backward()
        return {name: p.grad for name, p in nao.network.named_parameters() if p.grad is not None}

    stacked = gradients(3, 0)
    for run in range(3):
        for name, gradient in gradients(1, run).items():
            torch.testing.assert_close(stacked[name][run], gradient[0], rtol=1e-10, atol=1e-12)


def test_the_stacked_lstm_is_torchs_lstm() -> None:
    ours = LSTM(streams(2), 2, 5, 7).double()
    x = torch.randn(2, 4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    outputs, h, c = ours(x)
    order = [0, 1, 3, 2]  # torch has the gates as i, f, g, o; ours are i, f, o, g
    for run in range(2):
        theirs = torch.nn.LSTM(5, 7, batch_first=True).double()
        with torch.no_grad():
            parts = (("weight_ih_l0", ours.input[run].T), ("weight_hh_l0", ours.recurrent[run].T))
            for name, part in (*parts, ("bias_ih_l0", ours.bias[run, 0])):
                blocks = part.chunk(4)
                getattr(theirs, name).copy_(torch.cat([blocks[i] for i in order]))
            torch.nn.init.zeros_(getattr(theirs, "bias_hh_l0"))  # noqa: B009
        expected, (their_h, their_c) = theirs(x[run])
        torch.testing.assert_close(outputs[run], expected)
        torch.testing.assert_close(h[run], their_h[0])
        torch.testing.assert_close(c[run], their_c[0])


def test_gradients_are_clipped_run_by_run() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2, 3))
    parameter.grad = torch.tensor([[3.0, 4.0, 0.0], [0.3, 0.4, 0.0]])
    clip_gradients([parameter], 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([[0.6, 0.8, 0.0], [0.3, 0.4, 0.0]]), rtol=1e-5, atol=1e-6)


# Longer strings of genes are learned likewise, but not in seconds.
@pytest.mark.parametrize("name", [name for name in SPACES if len(space(name).genes) <= 10])
def test_it_learns_to_predict_and_to_reconstruct(name: str) -> None:
    searched = space(name)
    genotypes, values = observations(searched, 2, 24)
    nao = NAO(searched, 2, streams(2)).fit(genotypes, values, steps=250)
    for run in range(2):
        assert spearmanr(nao.predict(genotypes)[run], values[run]).statistic > 0.8
    decoded = nao.improve(genotypes, (0.0,))
    assert (decoded == genotypes).mean() > 0.85  # of the genes


def test_moving_a_code_up_the_gradient_raises_its_prediction() -> None:
    genotypes, values = observations(CELLS, 2, 60)
    nao = NAO(CELLS, 2, streams(2)).fit(genotypes, values, steps=300)
    before, after = nao.predict(genotypes), nao.predict(nao.improve(genotypes, (1.0,)))
    assert (after.mean(axis=1) > before.mean(axis=1) + 0.1).all()


@pytest.mark.parametrize("name", SPACES)
def test_everything_decoded_is_a_genotype(name: str) -> None:
    searched = space(name)
    nao = NAO(searched, 1, streams(1))
    nao.start()
    decoded = nao.improve(searched.sample(40, np.random.default_rng(0))[None], (0.0, 5.0))
    assert decoded.shape == (1, 80, len(searched.genes))
    searched.check(decoded)


def test_equal_streams_give_equal_networks() -> None:
    genotypes, values = observations(CELLS, 2, 20)
    one, other = (NAO(CELLS, 2, streams(2)).fit(genotypes, values, steps=5).predict(genotypes) for _ in range(2))
    np.testing.assert_array_equal(one, other)
