"""Pages of HTML from templates."""

from jinja2 import Environment, StrictUndefined, Template

_ENVIRONMENT = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
)


def template(text: str) -> Template:
    """Return a template of a page. What it is given is escaped; a name it lacks is an error."""
    return _ENVIRONMENT.from_string(text)
