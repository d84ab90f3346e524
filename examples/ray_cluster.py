"""Ray: trainings spread over a cluster, for metadata and for a search. ``python examples/ray_cluster.py``

It needs ``pip install 'warmnas[ray]'``. The cluster here is this machine alone, with two workers. For another one, give
its address: ``warmnas metadata generate --plan P --store S --ray HOST:PORT``, ``warmnas search --data D --ray HOST:PORT``.
The results are written on the machine where the command runs; the nodes only train.
"""

import contextlib
import logging
import tempfile
from pathlib import Path

import ray

from warmnas.metadata.experiments import ExperimentStore, export, generate, read_plan
from warmnas.search.live import Parts, Settings, search_images

PLAN = """
name = "small"
space = "nasbench201"
tasks = ["digits[seed=0,classes=5]"]
epochs = 2
architectures = { uniform = 4 }
recipe = { width = 4, cells = 1, resolution = 8, batch = 64 }
"""

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
with tempfile.TemporaryDirectory() as folder:
    place = Path(folder)
    (place / "small.toml").write_text(PLAN)
    with contextlib.closing(ExperimentStore(place / "store.db")) as store:
        counts = generate(read_plan(str(place / "small.toml")), store, ray="auto")
        print(f"1. {counts['done']} trainings of a plan, {counts['epochs']} epochs")
        table = export(store, "small")
        print(f"   a table of {len(table.names)} architectures; best validation {table.optimum(table.tasks[0]):.1f} %")

    settings = Settings("digits", budget=3, epochs=2, width=4, batch=64, optimizer="random", ray="auto")
    found = search_images(settings, place / "found", "examples/ray_cluster.py", Parts(store=place / "store.db", exports=[]))
    for row in found["rows"]:
        print(f"   {row['validation']:.1f} % on validation: {row['architecture']}")
    print(f"2. Three trainings by two workers; the best, retrained: {found['found']['test']:.1f} % on test")
ray.shutdown()
