"""What the pages link to outside docs/ (pictures, sources, results) becomes part of the site, below repository/."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
COPIES = "repository"
LINK = re.compile(r"(\]\()([^)\s#]+)")


def outside(page: str, link: str) -> str | None:
    """The file of the repository that a page's link leads to; None inside docs/, and to other sites."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return None if re.match(r"\w+:", link) or path.startswith("docs/") else path


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that are linked to. A folder, or a page of Markdown that is not part of docs/, is shown as text."""
    linked = set()
    for page in files.documentation_pages():
        for _, link in LINK.findall(page.content_string):
            linked.add(outside(page.src_uri, link))
    for path in sorted(filter(None, linked)):
        source = ROOT / path
        if source.is_dir():
            names = "\n".join(sorted(found.name for found in source.iterdir() if not found.name.startswith("_")))
            files.append(File.generated(config, f"{COPIES}/{path}.txt", content=f"{path}/\n\n{names}\n"))
        elif source.suffix in (".png", ".gif"):
            files.append(File.generated(config, f"{COPIES}/{path}", abs_src_path=str(source)))
        else:
            files.append(File.generated(config, f"{COPIES}/{path}.txt", abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links there."""

    def moved(found: re.Match) -> str:
        path = outside(page.file.src_uri, found[2])
        if path is None:
            return found[0]
        ending = "" if path.endswith((".png", ".gif")) else ".txt"
        return found[1] + posixpath.relpath(f"{COPIES}/{path}{ending}", posixpath.dirname(page.file.src_uri) or ".")

    return LINK.sub(moved, markdown)
