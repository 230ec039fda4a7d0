"""Renders the HTML pages from the templates beside the steps. What others wrote stays text: all is escaped."""

from collections.abc import Callable, Mapping

from viper.escaping import visible


def render(template: str, filters: Mapping[str, Callable[..., str]] | None = None, **values: object) -> str:
    """The page that a template of ``tasks/templates`` makes of the values.

    Args:
        template: Its file name.
        filters: Functions that it calls by name.
        values: What it names; one that is missing is an error.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def spelled_out(value: object) -> object:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    page = Environment(loader=PackageLoader("tasks"), autoescape=True, undefined=StrictUndefined, finalize=spelled_out)
    page.filters |= dict(filters or {})
    return page.get_template(template).render(**values)
