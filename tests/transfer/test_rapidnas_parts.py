"""The parts of RapidNAS against plain loops, and what their inputs may not matter for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from warmnas.bench import WarmnasError, space
from warmnas.surrogates.batched import Linear
from warmnas.surrogates.predictors.operation_graphs import labelled
from warmnas.transfer.rapidnas.decoder import Decoder
from warmnas.transfer.rapidnas.graph_encoder import GraphEncoder, Walk
from warmnas.transfer.rapidnas.graphs import Graphs
from warmnas.transfer.rapidnas.networks import GeneratorNetwork, ranking_error, squared_error
from warmnas.transfer.rapidnas.set_bank import Scaler, SetBank, SetBatch
from warmnas.transfer.rapidnas.set_encoder import MAB, SetEncoder
from warmnas.transfer.rapidnas.sets import TaskSet

CELLS = space("nasbench201")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def affine(layer: Linear, x: Tensor, run: int) -> Tensor:
    return x @ layer.weight[run] + layer.bias[run, 0]


# --- sets --------------------------------------------------------------------------------------------------------------
def test_attention_is_that_of_the_set_transformer() -> None:
    block = MAB(rng(), 2, 3, 5, 8)
    x, y = torch.randn(2, 2, 4, 3), torch.randn(2, 2, 6, 5)
    found = block(x, y)
    for run, b in np.ndindex(2, 2):
        q, kv = affine(block.q, x[run, b], run), affine(block.kv, y[run, b], run)
        heads = []
        for part in range(4):
            at = slice(2 * part, 2 * part + 2)
            k, v = kv[:, :8][:, at], kv[:, 8:][:, at]
            heads.append(q[:, at] + (q[:, at] @ k.T / 8**0.5).softmax(dim=1) @ v)
        h = torch.cat(heads, dim=1)
        torch.testing.assert_close(found[run, b], h + affine(block.out, h, run).relu(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("points", [0, 3])
def test_the_order_of_images_and_classes_does_not_matter(points: int) -> None:
    encoder = SetEncoder(rng(), 1, 7, 8, points)
    x, sizes = torch.randn(1, 2, 5, 4, 7), torch.randn(1, 2, 2)
    there = torch.ones(1, 2, 5, dtype=torch.bool)
    there[0, 1, 3:] = False
    code = encoder(SetBatch(x, there, sizes))
    order = torch.tensor([3, 0, 4, 1, 2])
    shuffled = SetBatch(x[:, :, order][:, :, :, [2, 0, 3, 1]], there[:, :, order], sizes)
    torch.testing.assert_close(encoder(shuffled), code, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(code[..., -2:], sizes)
    other = x.clone()
    other[0, 1, 3:] += 5.0  # classes that are not there
    torch.testing.assert_close(encoder(SetBatch(other, there, sizes)), code, atol=1e-5, rtol=1e-4)
    other[0, 1, 0] += 5.0
    assert (encoder(SetBatch(other, there, sizes)) - code).abs().max() > 1e-3


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=3), st.integers(1, 6))
def test_what_is_drawn_are_images_of_different_classes_of_the_task(counts: list[list[int]], classes: int) -> None:
    """Features are (task, class, image), so what was drawn says where it came from."""
    sets = []
    for task, of in enumerate(counts):
        features = np.full((len(of), max(of), 3), np.inf, dtype=np.float32)
        for c, n in enumerate(of):
            features[c, :n] = np.stack([np.full(n, task), np.full(n, c), np.arange(n)], axis=1)
        sets.append(TaskSet(np.nan_to_num(features, posinf=99), np.array(of), np.zeros(2, np.float32)))
    plain = Scaler(torch.tensor([[0.0] * 3, [1.0] * 3]), torch.tensor([[0.0] * 2, [1.0] * 2]))
    asked = torch.from_numpy(rng(1).integers(len(counts), size=(2, 4)))
    batch = SetBank(sets, plain).draw(asked, classes, 3, rng(2))
    for run, t in np.ndindex(2, 4):
        task = int(asked[run, t])
        assert batch.there[run, t].sum() == min(classes, len(counts[task]))
        drawn = batch.x[run, t][batch.there[run, t]].numpy()
        assert (drawn[..., 0] == task).all()
        assert (drawn[..., 1] == drawn[:, :1, 1]).all()
        assert len(set(drawn[:, 0, 1].tolist())) == len(drawn)
        assert (drawn[..., 2] < np.array(counts[task])[drawn[..., 1].astype(int)]).all()


def test_features_are_standardised_over_tasks_and_not_by_their_numbers_of_images() -> None:
    few = TaskSet(np.full((1, 2, 1), 1.0, np.float32), np.array([2]), np.zeros(2, np.float32))
    many = TaskSet(np.full((5, 9, 1), 3.0, np.float32), np.full(5, 9), np.ones(2, np.float32))
    scaler = Scaler.of([few, many])
    torch.testing.assert_close(scaler.features, torch.tensor([[2.0], [1.0]]))
    far = TaskSet(few.features, few.counts, np.full(2, 1e6, np.float32))
    assert SetBank([far], scaler).sizes.max() == 4.0


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WarmnasError, match="shape"):
        TaskSet(np.zeros((2, 3), np.float32), np.array([1, 1]), np.zeros(2, np.float32))
    with pytest.raises(WarmnasError, match="counts must be from 1 to 3"):
        TaskSet(np.zeros((1, 3, 2), np.float32), np.array([4]), np.zeros(2, np.float32))
    with pytest.raises(WarmnasError, match="finite"):
        TaskSet(np.full((1, 3, 2), np.nan, np.float32), np.array([3]), np.zeros(2, np.float32))


# --- graphs ------------------------------------------------------------------------------------------------------------
def walked(walk: Walk, labels: list[int], edges: list[tuple[int, int]], order: list[int], run: int) -> dict[int, Tensor]:
    """State of every node by the definition, node by node."""
    states: dict[int, Tensor] = {}
    width = walk.send.weight.shape[1]
    for v in order:
        inbox = torch.zeros(width)
        for s, t in edges:
            if t == v:
                sent = affine(walk.send, states[s], run) + walk.places.weight[run, s]
                inbox = inbox + sent[:width].sigmoid() * sent[width:]
        x, h = walk.kinds.weight[run, labels[v]], affine(walk.cell.state, inbox, run)
        reset = (x[:width] + h[:width]).sigmoid()
        update = (x[width : 2 * width] + h[width : 2 * width]).sigmoid()
        new = (x[2 * width :] + reset * h[2 * width :]).tanh()
        states[v] = (1 - update) * new + update * inbox
    return states


@pytest.mark.parametrize("name", ["nasbench201", "nasbench-graph"])
def test_the_graph_encoder_walks_as_defined(name: str) -> None:
    cells = space(name)
    graphs = Graphs(cells)
    genotypes = cells.sample(12, rng(3))
    encoder = GraphEncoder(rng(), 2, graphs.kinds, 6, 5)
    labels, edges = graphs.tensors(np.broadcast_to(graphs.places(genotypes), (2, 12)))
    codes = encoder(labels, edges)
    vocabulary = ["input", "output", "sum", *graphs.operations]
    for row, genotype in enumerate(genotypes):
        names, links = labelled(cells.graph(cells.live(cells.canonical(genotype))))
        kinds, n = [vocabulary.index(label) for label in names], len(names)
        ahead = walked(encoder.ahead, kinds, links, list(range(n)), 1)
        back = walked(encoder.back, kinds, [(t, s) for s, t in links], list(range(n))[::-1], 1)
        joined = affine(encoder.join, torch.cat([ahead[n - 1], back[0]]), 1)
        plain = affine(encoder.code, joined, 1)
        expected = (plain - plain.mean()) / (plain.var(correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(codes[1, row], expected, atol=1e-4, rtol=1e-3)


def test_other_graphs_of_a_batch_do_not_matter() -> None:
    graphs = Graphs(CELLS)
    encoder = GraphEncoder(rng(), 1, graphs.kinds, 6, 5)
    small, large = CELLS.from_string("300000"), CELLS.from_string("333333")
    both = graphs.places(np.stack([small, large]))[None]
    together, alone = (encoder(*graphs.tensors(places)) for places in (both, both[:, :1]))
    torch.testing.assert_close(together[:, :1], alone)


def test_cells_of_one_function_are_one_graph() -> None:
    graphs = Graphs(CELLS)
    genotypes = CELLS.sample(300, rng(4))
    places = graphs.places(genotypes)
    np.testing.assert_array_equal(
        places[:, None] == places, CELLS.class_keys(genotypes)[:, None] == CELLS.class_keys(genotypes)
    )
    np.testing.assert_array_equal(graphs.places(genotypes[::-1]), places[::-1])


# --- the generator -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["nasbench201", "nasbench-graph"])
def test_the_likelihoods_of_all_genotypes_add_up_to_one(name: str) -> None:
    cells = space(name)
    decoder = Decoder(rng(), 2, cells, 4, 8)
    tokens = torch.from_numpy(cells.tokens(cells.all_genotypes()))
    code = torch.randn(2, 1, 4).expand(-1, len(tokens), -1)
    with torch.no_grad():
        total = decoder.log_likelihood(code, tokens.expand(2, -1, -1)).exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones(2), atol=1e-3, rtol=0)


def test_what_is_drawn_follows_the_likelihood() -> None:
    decoder = Decoder(rng(), 1, CELLS, 4, 8)
    with torch.no_grad():
        decoder.out.weight.mul_(4)  # far from uniform
        code = torch.randn(1, 1, 4)
        drawn = decoder.sample(code.expand(-1, 20_000, -1), torch.from_numpy(rng(5).random((1, 20_000, 6))))
        everything = CELLS.all_genotypes()
        tokens = torch.from_numpy(CELLS.tokens(everything))[None]
        likelihood = decoder.log_likelihood(code.expand(-1, len(everything), -1), tokens)[0].exp().numpy()
    genotypes = CELLS.decode(drawn[0].numpy(), "tokens")
    for gene, choice in np.ndindex(6, 5):
        expected = likelihood[everything[:, gene] == choice].sum()
        assert (genotypes[:, gene] == choice).mean() == pytest.approx(expected, abs=0.015)


def test_the_bound_is_likelihood_minus_divergence() -> None:
    network = GeneratorNetwork(rng(), 2, 3, CELLS, 8, 0)
    batch = SetBatch(torch.randn(2, 2, 4, 5, 3), torch.ones(2, 2, 4, dtype=torch.bool), torch.randn(2, 2, 2))
    tokens = torch.from_numpy(CELLS.tokens(CELLS.sample(12, rng(6)))).view(2, 2, 3, 6)
    mean, log_variance = network.encode(batch)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(-1).mean(1)
    flat = mean.repeat_interleave(3, dim=1)
    likelihood = network.decoder.log_likelihood(flat, tokens.flatten(1, 2)).mean(1)
    for beta in (0.0, 0.7):
        loss = network.loss(batch, tokens, torch.zeros(2, 2, 3, 8), beta)
        torch.testing.assert_close(loss, beta * divergence - likelihood, atol=1e-4, rtol=1e-4)


# --- losses ------------------------------------------------------------------------------------------------------------
def test_the_ranking_loss_is_over_pairs_within_a_task() -> None:
    scores = torch.randn(1, 2, 4)
    values = torch.tensor([[[1.0, 2.0, 2.0, 4.0], [9.0, 9.0, 9.0, 9.0]]])
    pairs = [
        np.log1p(np.exp(float(scores[0, t, j] - scores[0, t, i])))
        for t, i, j in np.ndindex(2, 4, 4)
        if values[0, t, i] > values[0, t, j]
    ]
    assert len(pairs) == 5
    assert float(ranking_error(scores, values)) == pytest.approx(np.mean(pairs), rel=1e-5)
    shifted = scores + torch.tensor([3.0, -7.0])[None, :, None]
    torch.testing.assert_close(ranking_error(shifted, values), ranking_error(scores, values), atol=1e-5, rtol=1e-4)
    assert float(ranking_error(scores, torch.zeros(1, 2, 4))) == 0.0
    assert float(squared_error(scores, scores + 2)) == pytest.approx(4.0, rel=1e-5)
