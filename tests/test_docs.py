"""The documentation: whatever is registered is on a page, with its paper and its definition."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from warmnas.bench import SPACES, benchmarks
from warmnas.search import optimizers
from warmnas.search.oneshot import methods
from warmnas.search.report.citations import bibtex
from warmnas.search.stoppers import stoppers
from warmnas.surrogates.curves import curve_models
from warmnas.surrogates.predictors import predictors
from warmnas.surrogates.proxies import proxies

DOCS = Path(__file__).resolve().parent.parent / "docs"
REGISTERED = {
    "optimizers.md": [*optimizers],
    "predictors.md": [*predictors],
    "early-termination.md": [*stoppers],
    "curves.md": [*curve_models],
    "proxies.md": [*proxies],
    "supernets.md": [*methods],
    "spaces.md": [*SPACES],
    "metadata.md": [name for name in benchmarks if name.endswith("-v1")],
}


def shown() -> list[str]:
    """Pages in the navigation of the site."""
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    return re.findall(r"^ +- .*: (\S+\.md)$", text[text.index("\nnav:") :], flags=re.MULTILINE)


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, names in REGISTERED.items() for name in names])
def test_every_registered_name_is_on_its_page(page: str, name: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert re.search(rf"`{re.escape(name)}[`\[ ]", text), f"docs/{page} says nothing of {name}"


@pytest.fixture(scope="module")
def methods_page() -> str:
    spec = importlib.util.spec_from_file_location("methods_page", DOCS / "methods.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def test_every_method_has_its_paper_and_its_definition(methods_page: str) -> None:
    sections = re.split(r"^### ", methods_page, flags=re.MULTILINE)[1:]
    titles = [section.split("`")[1] for section in sections]
    assert sorted(titles) == sorted(name for page, names in REGISTERED.items() if page != "metadata.md" for name in names)
    for title, section in zip(titles, sections, strict=True):
        papers = re.findall(r"^- (.*)$", section, flags=re.MULTILINE)
        head = section[section.rindex("\n- ") :].split("\n\n", 1)[1]
        assert len(head.strip()) > 40, f"{title} has no definition at the head of its file"
        assert len(papers) == max(1, bibtex([title]).count("\n@") + bibtex([title]).startswith("@"))
        assert not re.search(r"[{}\\]", "".join(papers)), papers


def test_every_page_is_in_the_navigation_and_every_picture_is_there() -> None:
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert pages | {"methods.md"} == set(shown())  # that one is made when the site is built
    pictures = [
        (path, found) for path in DOCS.rglob("*.md") for found in re.findall(r"!\[.*?\]\((\S+?)\)", path.read_text())
    ]
    assert pictures
    assert [found for path, found in pictures if not (path.parent / found).is_file()] == []
