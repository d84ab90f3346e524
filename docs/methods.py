"""The page "Every method", made when the site is built: what is registered, its papers, and the head of its file.

MkDocs calls ``on_files`` (see ``hooks`` in mkdocs.yml). ``python docs/methods.py`` prints the page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

ACCENTS = {
    "\\'a": "á",
    "\\'e": "é",
    '\\"o': "ö",
    '\\"u': "ü",
    "\\v{s}": "š",
    "\\L": "Ł",
    "\\'c": "ć",
    "\\v{c}": "č",
    "\\~n": "ñ",
}
SPECIAL = re.compile(r"([*_<>|\[\]])")
MARKER = re.compile(r"^\\(\* )")  # of a list
MANY = 3  # authors that are all named
HEAD = """# Every method

What is registered, by its name on the command line: the papers behind it, and the definition that stands at the head of
its file. Where it differs from its paper is said there or on the page named above each list, which also has the
figures; what was published and what comes out here, reproduced or not, is on [the page about
reproduction](reproduction.md). The BibTeX of all that took part is in every report.

"""


def lists() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """{title: (page with figures, registry)}."""
    from warmnas.bench import SPACES
    from warmnas.search import optimizers
    from warmnas.search.oneshot import methods
    from warmnas.search.stoppers import stoppers
    from warmnas.surrogates.curves import curve_models
    from warmnas.surrogates.predictors import predictors
    from warmnas.surrogates.proxies import proxies

    return {
        "Optimizers": ("optimizers.md", optimizers),
        "Early termination": ("early-termination.md", stoppers),
        "Architecture predictors": ("predictors.md", predictors),
        "Learning-curve predictors": ("curves.md", curve_models),
        "Zero-cost proxies": ("proxies.md", proxies),
        "Supernets": ("supernets.md", methods),
        "Search spaces": ("spaces.md", SPACES),
    }


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for title, (where, registry) in lists().items():
        parts.append(f"## {title}\n\nFigures and differences: [{where.removesuffix('.md').replace('-', ' ')}]({where}).\n")
        parts += [section(name, registry[name]) for name in registry]
    return "\n".join(parts)


def section(name: str, thing: Any) -> str:
    """A method: its name, its papers, the head of its file."""
    known = papers(name)
    said = known or ["No paper of its own: a baseline, or this project's."]
    head = prose((sys.modules[thing.__module__].__doc__ or "").strip())
    return "\n".join([f"### `{name}`", "", *(f"- {paper}" for paper in said), "", head, ""])


def prose(text: str) -> str:
    """A docstring as Markdown: paragraphs flow, lists stay lists, what is indented (formulas) stays as it is written."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", re.sub(r":\w+:`~?([^`]*)`", r"``\1``", text)):
        lines = paragraph.split("\n")
        if all(line.startswith("    ") for line in lines):
            parts.append("```text\n" + "\n".join(line[4:] for line in lines) + "\n```")
        else:
            parts.append("\n".join(MARKER.sub(r"\1", escaped(line)) for line in lines))
    return "\n\n".join(parts)


def escaped(line: str) -> str:
    """A line with Markdown's characters as text, outside of ``code``."""
    pieces = re.split(r"(``.*?``)", line)
    return "".join(piece if piece.startswith("``") else SPECIAL.sub(r"\\\1", piece) for piece in pieces)


def papers(name: str) -> list[str]:
    """A line per entry of the bibliography that stands for a name."""
    from warmnas.search.report.citations import bibtex

    return [cited(entry) for entry in re.findall(r"^@.*?^}", bibtex([name]), flags=re.MULTILINE | re.DOTALL)]


def cited(entry: str) -> str:
    """Authors, title, where and when, of a BibTeX entry."""
    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, flags=re.MULTILINE))
    names = [" ".join(reversed(author.split(", ", 1))) for author in fields["author"].split(" and ")]
    authors = ", ".join(names) + "." if len(names) <= MANY else f"{names[0]} et al."
    where = fields.get("booktitle") or fields.get("journal")
    return plain(f"{authors} *{fields['title']}*. {where}, {fields['year']}.")


def plain(text: str) -> str:
    """LaTeX as text."""
    for written, letter in ACCENTS.items():
        text = text.replace(f"{{{written}}}", letter).replace(written, letter)
    return text.replace("{", "").replace("}", "")


def on_files(files: Any, config: Any) -> Any:
    """Add the page to the site (MkDocs calls this)."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "methods.md", content=page()))
    return files


if __name__ == "__main__":
    sys.stdout.write(page())
