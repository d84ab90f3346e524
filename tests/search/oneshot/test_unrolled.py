"""The unrolled gradient of second-order DARTS against autograd through the step, on a toy problem."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.search.oneshot.parts.unrolled import unrolled_gradient


def problem(seed: int):
    """Losses of two weight tensors and one alpha that are smooth, coupled and not quadratic."""
    g = torch.Generator().manual_seed(seed)
    a, b, c = (torch.randn(3, 4, generator=g, dtype=torch.double) for _ in range(3))
    w = [torch.randn(4, generator=g, dtype=torch.double), torch.randn(3, generator=g, dtype=torch.double)]
    alpha = torch.randn(4, generator=g, dtype=torch.double)

    def train(w, alpha):
        return ((a @ (w[0] * alpha.sigmoid()) - w[1]) ** 2).sum() + (w[0] * alpha).sin().sum()

    def val(w, alpha):
        return ((b @ (w[0] * alpha.tanh())) ** 2).mean() + (w[1] * (c @ alpha)).cos().sum()

    return train, val, w, alpha


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rate=st.sampled_from([0.01, 0.05]), decay=st.sampled_from([0.0, 3e-4, 0.1]))
def test_it_is_the_gradient_through_the_step(seed, rate, decay):
    train, val, start, alpha = problem(seed)
    steps = [torch.full_like(w, 0.3) for w in start]

    leaf = alpha.clone().requires_grad_()
    w = [x.clone().requires_grad_() for x in start]
    slopes = torch.autograd.grad(train(w, leaf), w, create_graph=True)
    moved = [x - rate * (s + m + decay * x) for x, s, m in zip(w, slopes, steps, strict=True)]
    (wanted,) = torch.autograd.grad(val(moved, leaf), leaf)

    w = [x.clone().requires_grad_() for x in start]
    leaf = alpha.clone().requires_grad_()
    (found,) = unrolled_gradient(lambda: train(w, leaf), lambda: val(w, leaf), w, [leaf], rate, steps, decay)
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-4 * (1 + float(wanted.abs().max())))
    for x, y in zip(w, start, strict=True):
        assert torch.equal(x.detach(), y), "weights are put back"


def test_it_differs_from_the_first_order():
    train, val, start, alpha = problem(1)
    w = [x.clone().requires_grad_() for x in start]
    leaf = alpha.clone().requires_grad_()
    (first,) = torch.autograd.grad(val(w, leaf), leaf)
    (second,) = unrolled_gradient(lambda: train(w, leaf), lambda: val(w, leaf), w, [leaf], 0.05)
    assert float((first - second).abs().max()) > 1e-2
    (without,) = unrolled_gradient(lambda: train(w, leaf), lambda: val(w, leaf), w, [leaf], 0.0)
    assert torch.allclose(first, without)


def test_what_does_not_depend_on_alpha_has_no_gradient():
    w, alpha = [torch.ones(2, requires_grad=True)], torch.zeros(2, requires_grad=True)
    (found,) = unrolled_gradient(lambda: (w[0] ** 2).sum(), lambda: (w[0] * (1 + alpha)).sum(), w, [alpha], 0.1)
    assert found.tolist() == pytest.approx([0.8, 0.8])
