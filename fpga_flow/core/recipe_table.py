"""All keys of a recipe as a page, `docs/recipe.md`, from the models that recipes are checked by.

python -m fpga_flow.core.recipe_table > docs/recipe.md
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.base import Part, part_in

HEAD = """# Recipes

A recipe is a TOML file. `flow build FILE.toml` builds it; `--set KEY=VALUE` sets one key on top, and
`--set KEY=null` leaves one out. A key that is left out has its default, where it has one. Files are looked
for from the recipe's folder on, those of `--set` from the working folder.

```toml
[data]
name = "own"
file = "mine.npz"
[quant]
weight_bits = 3
[quant.layers."conv*"]
act_bits = 6
```

A board of your own is a TOML file too, with the keys of [board](#board): `board = "mine.toml"` in a recipe,
or `--board mine.toml`. Its content goes into the run, which then needs the file no more.

```toml
name = "arty"
part = "xc7a35tcsg324-1"
family = "xc7"
clock_mhz = 100
lut = 20_800
ff = 41_600
bram18 = 100
dsp = 90
```

This page is made by `python -m fpga_flow.core.recipe_table`.
"""
COLUMNS = "| key | value | default | meaning |\n|---|---|---|---|"
NONE = "left out"
ANY = "NAME"
"""Stands in a key for a name of the user's."""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_sections(Recipe, "")])


def _sections(part: type[Part], path: str) -> Iterator[str]:
    """Yield the table of `part`, whose keys begin with `path`, then those of the parts in it."""
    said, schema = documented(part), part.model_json_schema()
    below: list[tuple[type[Part], str]] = []
    rows = []
    for name, field in part.model_fields.items():
        inner, named = part_in(field.annotation)
        key = f"{path}{name}"
        if inner is not None:
            below.append((inner, f"{key}.{ANY}." if named else f"{key}."))
        if inner is None or named or not isinstance(field.default, Part):
            value = (
                f"{'text, or ' * isinstance(field.default, str)}parts `{key}{f'.{ANY}' * named}`"
                if inner
                else words(schema["properties"][name], schema)
            )
            default = _default(field, part is Recipe)
            rows.append(f"| `{key}` | {value} | {default} | {_meaning(said.get(name, ''))} |")
    title = path.rstrip(".") or "The recipe"
    text = _meaning(" ".join((inspect.getdoc(part) or "").split()))
    yield f"## {title}\n\n{text}\n"
    if rows:
        yield "\n".join([COLUMNS, *rows, ""])
    for inner, start in below:
        yield from _sections(inner, start)


def documented(part: type[Part]) -> dict[str, str]:
    """Return what stands below each field of `part` in its source, one line each."""
    found: dict[str, str] = {}
    for each in reversed(part.__mro__):
        if not issubclass(each, Part):
            continue
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(each))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                assert isinstance(field.target, ast.Name)
                found[field.target.id] = " ".join(ast.literal_eval(below.value).split())
    return found


def _meaning(text: str) -> str:
    """Return a description of the source as it stands in the page."""
    text = re.sub(r"(^|[.:] )None\b", r"\1Left out", text)
    return re.sub(r"\bNone\b", NONE, text).replace("|", r"\|")


def _default(field: FieldInfo, of_recipe: bool) -> str:
    if field.is_required():
        return "the file's name" if of_recipe else "must be given"
    value = field.default
    return "" if value is None else f"`{json.dumps(value)}`"


def words(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """Return in words what values `schema` (JSON Schema) allows."""
    if "$ref" in schema:
        return words(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        kinds = [NONE if one.get("type") == "null" else words(one, root) for one in schema["anyOf"]]
        return ", or ".join(kinds)
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind == "array":
        inner = schema.get("items") or schema["prefixItems"][0]
        count = f"{len(schema['prefixItems'])} of " if "prefixItems" in schema else "list of "
        return f"{count}({words(inner, root)})"
    if kind == "object":
        return f"{ANY} = ({words(schema['additionalProperties'], root)})"
    names = {"integer": "integer", "number": "number", "boolean": "`true`, `false`", "string": "text"}
    return names[str(kind)] + _limits(schema)


def _limits(schema: dict[str, Any]) -> str:
    said = {
        "minimum": "from {:,}", "exclusiveMinimum": "above {:,}", "maximum": "to {:,}",
        "exclusiveMaximum": "below {:,}",
    }  # fmt: skip
    found = [text.format(schema[key]) for key, text in said.items() if key in schema]
    return f" {' '.join(found)}" if found else ""


if __name__ == "__main__":
    print(page(), end="")
