"""Descriptors in a table: those of its tasks' own images, computed once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import standins
from standins import FakeTrainer

from warmnas.bench import Table, WarmnasError
from warmnas.metadata.descriptors import FEATURES, LANDMARKS, characterise, embed
from warmnas.metadata.descriptors.landmarks import RECIPE as SHORT
from warmnas.metadata.experiments import describe, export, generate
from warmnas.metadata.experiments.plan import TaskChoice


@pytest.fixture
def filled(store):
    plan = standins.plan(2, tasks=("a", TaskChoice("b", train_size=6)))
    generate(plan, store, workers=1, trainer=FakeTrainer(), opener=standins.open_task)
    return store


def test_they_are_those_of_each_tasks_own_images(filled, tmp_path):
    told = []
    table = describe(export(filled, "x"), filled, standins.open_task, lambda *counts: told.append(counts))
    assert told == [(1, 2), (2, 2)]
    table.save(tmp_path / "t.h5", compact=True)
    data = Table.open(tmp_path / "t.h5").data
    assert data["landmark"].values.tolist() == list(LANDMARKS)
    assert data["feature"].values.tolist() == list(FEATURES)
    for name, size in (("a", None), ("b", 6)):
        task = standins.open_task(name, resolution=4, train_size=size)
        np.testing.assert_array_equal(data["embedding"].sel(task=name), embed(task))
        short = characterise(task, replace(SHORT, resolution=4))
        np.testing.assert_allclose(data["landmark_accuracy"].sel(task=name), short.accuracy, atol=0.00501)
        assert data["dcn"].sel(task=name).item() == pytest.approx(short.dcn)


def test_the_store_remembers_them(filled):
    first = describe(export(filled, "x"), filled, standins.open_task)

    def gone(*_, **__):
        raise WarmnasError("the images are gone")

    assert describe(export(filled, "x"), filled, gone).hash == first.hash


def test_other_images_under_the_same_name_are_refused(filled):
    def other(spec, **options):
        return standins.open_task(spec + "?", **options)

    with pytest.raises(WarmnasError, match="task 'a': these are not the images that were trained on"):
        describe(export(filled, "x"), filled, other)
