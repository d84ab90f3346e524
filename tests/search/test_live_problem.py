"""What a live search knows before its first training: the candidates, the sources, the curves for its stopper."""

from __future__ import annotations

import live_standins as standins
import numpy as np
import pytest
from live_standins import RECIPE, SPACE, TASK, Inline

from warmnas.bench import WarmnasError, open_benchmark
from warmnas.metadata.experiments import ExperimentStore
from warmnas.search.live.folder import RunFolder, usual_folder
from warmnas.search.live.problem import by_class, problem, source_curves, store_sources, table_sources
from warmnas.search.live.settings import Settings


def test_rows_of_one_function_are_averaged(cells):
    genotypes, values = by_class(SPACE, cells.genotypes, cells.values("cifar100"))
    assert len(genotypes) == 4930
    assert len(np.unique(SPACE.index(SPACE.canonical(genotypes)))) == 4930
    row = 1234
    same = cells.space.class_keys(cells.genotypes) == cells.space.class_keys(genotypes[row : row + 1])
    assert np.isclose(values[row], cells.values("cifar100")[same].mean())


def test_the_family_and_the_same_images_are_no_sources():
    table = open_benchmark("images-v1")
    names = [source.name for source in table_sources([table], SPACE, "", "-" * 32)]
    assert names == [f"images-v1:{task}" for task in table.tasks]
    family = table.family(table.tasks[0])
    kept = [source.name for source in table_sources([table], SPACE, family, "-" * 32)]
    assert kept == [f"images-v1:{task}" for task in table.tasks if table.family(task) != family]
    digest = next(iter(table.splits[table.tasks[1]].values()))[:12]
    assert f"images-v1:{table.tasks[1]}" not in [s.name for s in table_sources([table], SPACE, "", digest + "0" * 20)]


def test_an_earlier_search_is_a_source_of_the_next_but_not_of_its_own_images(tmp_path):
    trainings = standins.loop(Inline(2), tmp_path, budget=6).run()
    store = ExperimentStore(tmp_path / "store.db")
    (source,) = store_sources(store, SPACE, "another family", "other images")
    assert store_sources(store, SPACE, TASK.family, "other images") == []
    assert store_sources(store, SPACE, "another family", TASK.hash) == []
    store.close()
    done = {int(SPACE.class_keys(t.genotype[None])[0]): t.value for t in trainings}
    found = dict(zip(SPACE.class_keys(source.genotypes[0]).tolist(), source.values[0].tolist(), strict=True))
    assert found == pytest.approx(done)
    assert source.name == "store:a"


def test_curves_of_the_sources_are_whole():
    table = open_benchmark("images-v1")
    curves = source_curves([table, open_benchmark("nasbench201")], [f"images-v1:{table.tasks[0]}", "nasbench201:cifar100"])
    assert [one.task for one in curves] == [table.tasks[0]]
    assert curves[0].values.shape == (len(curves[0].genotypes), table.epochs)
    assert np.isfinite(curves[0].values).all()


def test_a_budget_beyond_the_space_is_refused():
    with pytest.raises(WarmnasError, match="--budget 4929: the space has 4929 different architectures"):
        problem(standins.candidates(SPACE), (), "a", 4929, 0, 2)


def test_a_folder_remembers_its_search(tmp_path):
    settings = Settings("digits", budget=3)
    folder = RunFolder(tmp_path / "run", settings)
    folder.begin(task="images", store="s")
    made = table_sources([open_benchmark("nasbench201")], SPACE, "", "-" * 32)[:2]
    folder.sources(made)
    again = RunFolder(tmp_path / "run", Settings("digits", budget=3, seconds=5.0, workers=7))
    assert again.state["store"] == "s"
    found = again.sources() or []
    assert [source.name for source in found] == [source.name for source in made]
    assert all(np.array_equal(a.values, b.values) for a, b in zip(found, made, strict=True))
    with pytest.raises(WarmnasError, match="holds a search on other images"):
        again.begin(task="others")
    with pytest.raises(WarmnasError, match="holds a search with --budget 3, not 4"):
        RunFolder(tmp_path / "run", Settings("digits", budget=4))
    with again.held(), pytest.raises(WarmnasError, match="another search is at work"), folder.held():
        pass


def test_without_a_folder_an_interrupted_search_goes_on_and_another_one_is_beside_it(tmp_path):
    settings = Settings("pets[classes=2]", budget=3)
    first = usual_folder(settings, tmp_path)
    assert first.name.startswith("search-pets-")
    begun = RunFolder(first, settings)
    begun.begin(task="images")
    assert usual_folder(Settings("pets[classes=2]", budget=3, workers=2), tmp_path) == first
    assert usual_folder(Settings("pets[classes=2]", budget=4), tmp_path) != first
    begun.begin(complete=True)
    second = usual_folder(settings, tmp_path)
    assert (second.name, second.exists()) == (f"{first.name}-2", False)
    second.mkdir()
    (second / "search.json").write_text("{damaged")
    assert usual_folder(settings, tmp_path).name == f"{first.name}-3"


def test_the_recipe_is_that_of_the_shipped_table():
    import json

    table = open_benchmark("images-v1")
    shipped = json.loads(table.data.attrs["recipe"])
    mine = {key: value for key, value in Settings("digits").recipe(16).as_dict().items() if key != "train_size"}
    assert mine == shipped
    assert RECIPE.epochs == 4
