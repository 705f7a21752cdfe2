"""What a template may say: a prompt may come from a stranger, and filling it in must cost little and reach nothing.

prompty renders in jinja's sandbox, which keeps a template from Python's insides and from files. What is left to a
hostile one is to take all memory and time: `{{ 'a' * 10**10 }}`, a loop in a loop in a loop, a name that doubles
itself. So a template may name inputs, look into them, ask, go through them and call a few harmless things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.errors import PromptError

if TYPE_CHECKING:
    from prompty.model import Template

MOST_CHARACTERS = 200_000
"""A longer body is no prompt that a model could take."""
_DEPTH, _LOOPS, _SETS, _JOINS, _LITERAL = 2, 32, 16, 32, 200
_FILTERS = frozenset(
    "abs capitalize count d default dictsort e escape first float forceescape int items join last length list lower "
    "map max min reject rejectattr replace reverse round select selectattr sort string striptags sum title tojson trim "
    "truncate unique upper wordcount".split()
)
_METHODS = frozenset(
    "capitalize count endswith find get index items keys lower lstrip rstrip split splitlines startswith strip title "
    "upper values cycle".split()
)


def check_kinds(template: Template | None, where: str) -> None:
    """Refuse a template in another language than that of the rules below; prompty's mustache reads files by name.

    Raises:
        PromptError: the front matter names another renderer or parser; says which.
    """
    for part, known in (("format", ("jinja2", "jinja")), ("parser", ("prompty",))):
        kind = getattr(getattr(template, part, None), "kind", None)
        if kind not in (None, "", "*", *known):
            raise PromptError(
                f"{where}: the {part} {kind!r} of its template is not known here; write it for {known[0]}"
            )


def check_template(body: str, where: str) -> None:
    """Refuse a template that could do more than fill in words.

    Raises:
        PromptError: it is longer than any prompt, or says what a prompt has no need of; names the line.

    >>> check_template("You are {{ name | upper }}.{% for rule in rules %} {{ rule }}{% endfor %}", "a.prompty")
    >>> check_template("{{ 'a' * 10**10 }}", "a.prompty")
    Traceback (most recent call last):
    contoso_lab.errors.PromptError: a.prompty: line 1 of the body multiplies, which no prompt needs: write the result
    """
    from jinja2 import Environment, TemplateSyntaxError, nodes

    if len(body) > MOST_CHARACTERS:
        raise PromptError(f"{where}: the body has more than {MOST_CHARACTERS} characters: shorten it")
    try:
        tree = Environment().parse(body)
    except TemplateSyntaxError:
        return  # told with its line when it is rendered
    except RecursionError:
        raise PromptError(f"{where}: the body is nested too deeply: write it flat") from None

    def refuse(node: nodes.Node, what: str) -> PromptError:
        return PromptError(f"{where}: line {node.lineno} of the body {what}")

    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    counts = {nodes.For: _LOOPS, nodes.Assign: _SETS, nodes.Concat: _JOINS, nodes.Add: _JOINS}
    for kind, most in counts.items():
        found = list(tree.find_all(kind))
        if len(found) > most:
            raise refuse(found[most], f"is one of more than {most} loops, settings or sums: a prompt needs fewer")

    def walk(node: nodes.Node, depth: int, in_macro: bool) -> None:
        match node:
            case nodes.Mul() | nodes.Pow() | nodes.Mod():
                raise refuse(node, "multiplies, which no prompt needs: write the result")
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends() if not _elsewhere(
                node.template
            ):
                raise refuse(node, "reaches for itself, or for what it works out: write the words here")
            case nodes.Block():
                raise refuse(node, "names a block for another template: write its words here")
            case nodes.AssignBlock() | nodes.CallBlock() | nodes.FilterBlock():
                raise refuse(node, "keeps a block of text: write it where it is needed")
            case nodes.Filter(name=name) if name not in _FILTERS:
                raise refuse(node, f"uses the filter {name!r}, which is not known here; there are {_told(_FILTERS)}")
            case nodes.Call(node=nodes.Name(name=name)) if name not in macros or in_macro:
                raise refuse(node, f"calls {name!r}: a prompt calls its own macros only, and not from one another")
            case nodes.Call(node=nodes.Getattr(attr=attr)) if attr not in _METHODS:
                raise refuse(node, f"calls {attr!r}, which is not known here; there are {_told(_METHODS)}")
            case nodes.Call(node=target) if not isinstance(target, nodes.Name | nodes.Getattr):
                raise refuse(node, "calls what has no name: write the words themselves")
            case nodes.Call() if depth >= _DEPTH:
                raise refuse(node, "calls something in a loop of a loop: write it flat")
            case nodes.For(recursive=True):
                raise refuse(node, "goes through something recursively: write it flat")
            case nodes.For() if depth >= _DEPTH or in_macro:
                raise refuse(node, "is a loop in a loop of a loop, or in a macro: write it flat")
            case nodes.List(items=items) | nodes.Tuple(items=items) | nodes.Dict(items=items) if len(items) > _LITERAL:
                raise refuse(node, f"lists more than {_LITERAL} things: make them an input")
            case nodes.Const(value=str(text)) if len(text) > 10 * _LITERAL:
                raise refuse(node, f"quotes more than {10 * _LITERAL} characters: write them as text")
        inside = depth + isinstance(node, nodes.For)
        for child in node.iter_child_nodes():
            walk(child, inside, in_macro or isinstance(node, nodes.Macro))

    try:
        walk(tree, 0, False)
    except RecursionError:
        raise PromptError(f"{where}: the body is nested too deeply: write it flat") from None


def _elsewhere(template: object) -> bool:
    """By a name that is no template of prompty's: there is none, which is said when it is rendered."""
    name = getattr(template, "value", None)
    return isinstance(name, str) and name != "prompt"


def _told(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
