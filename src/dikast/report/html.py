"""A run as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from dikast.analysis.summary import RunSummary
from dikast.records import Interaction, RunInfo
from dikast.report.agreement_block import AgreementBlock
from dikast.report.page import ReportPage
from dikast.report.page_of_run import page_of_run
from dikast.report.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment

Lookup = Callable[[str], Interaction | None]

TEMPLATE = "report.html.j2"


def render_html(
    summary: RunSummary,
    info: RunInfo | None,
    lookup: Lookup | None,
    *,
    name: str = "results",
    agreement: AgreementBlock | None = None,
) -> str:
    """The report as one HTML document.

    info: how the run came about; without it the page says what it doesn't know. lookup: finds an interaction by its id;
    None when only verdicts are at hand. name: what to call a run without info. agreement: how far the judge agrees with
    people, where labels are at hand. The size is bounded: long texts are cut, and each list says of how many it shows
    some.
    """
    return render_page(page_of_run(summary, info, lookup, name=name, agreement=agreement))


def render_page(page: ReportPage) -> str:
    """The document that a page's content makes."""
    context = {field.name: getattr(page, field.name) for field in fields(page)}
    return environment().get_template(TEMPLATE).render(context)


@cache
def environment() -> Environment:
    """Where the templates are and how they print: escaped, and with nothing that steers or hides."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("dikast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """Whatever a template prints, made visible; markup of the templates' own (macros) is left as it is."""
    return visible(value) if type(value) is str else value
