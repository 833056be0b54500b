"""Where the keys of a TOML text stand, and what a line that is not TOML was probably meant to be."""

import re
import tomllib

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_TABLE = re.compile(rf"[ \t]*\[[ \t]*({_DOTTED})[ \t]*\][ \t]*(?:#.*)?")
_PAIR = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_AFTER = r"(?=[ \t]*(?:[,}\]#]|$))"
"""A value has come to its end."""
_SEVERAL = re.compile(r"\"{3}|'{3}")
"""Texts of several lines, in which what looks like a key may be none."""
_LONGEST, _DEEPEST, _MOST_LINES, _MOST_TOLD = 300, 8, 2000, 20

_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛`´", "'"))
_SAID = {
    "Expected newline or end of document after a statement": "something stands behind the value",
    "Expected '=' after a key in a key/value pair": "between a key and its value stands =",
    "Invalid value": "a value is a text in quotes, a number, true, false or a [list]",
    "Invalid statement": "a line is a [table], a key = value, or a # comment",
}
_REPAIRS: tuple[tuple[str, str, str], ...] = (
    (r"^[ \t]*(?://|;|--)", "#", "a comment begins with #"),
    (r"[ \t](?://|;)|;$", " #", "a comment begins with #"),
    (rf"(=[ \t]*[+-]?\d+),(\d+){_AFTER}", r"\1.\2", "a number has a decimal point, not a comma"),
    (rf"(=[ \t]*[+-]?)\.(\d+){_AFTER}", r"\g<1>0.\2", "a number has digits on both sides of its point"),
    (rf"(=[ \t]*[+-]?\d+)\.{_AFTER}", r"\1.0", "a number has digits on both sides of its point"),
    (r"(=[ \t]*[+-]?[\d.]+)[ \t]*[A-Za-zµμ°%][A-Za-zµμ°%/²³]*", r"\1", "a number stands without its unit"),
    (rf"=[ \t]*True{_AFTER}", "= true", "true is written in small letters"),
    (rf"=[ \t]*False{_AFTER}", "= false", "false is written in small letters"),
    (r"(=[ \t]*)\"([^\"]*\\[^\"]*)\"", r"\1'\2'", "a text with a backslash stands between single quotes"),
    (r"(=[ \t]*)\"([^\"#]*[^\"#\s])([ \t]*(?:#.*)?)$", r'\1"\2"\3', "the closing quote is missing"),
    (r"(=[ \t]*)'([^'#]*[^'#\s])([ \t]*(?:#.*)?)$", r"\1'\2'\3", "the closing quote is missing"),
    (r"(=[ \t]*)([^\s\"'{\[][^\"'#]*)\"", r'\1"\2"', "the opening quote is missing"),
    (r"(=[ \t]*)([A-Za-z/][^\"'#,}]*[^\"'#,}\s]|[A-Za-z])", r'\1"\2"', "a text needs quotes"),
    (r"^([ \t]*[A-Za-z0-9_-]+)[ \t]*:", r"\1 =", "between a key and its value stands ="),
    (r"^([ \t]*)([^\s=\"'#\[]+(?: +[^\s=\"'#]+)*)([ \t]*=)", r'\1"\2"\3', "such a key needs quotes"),
    (r"^([ \t]*\[[^\]#]*[^\]#\s])([ \t]*(?:#.*)?)$", r"\1]\2", "the closing ] is missing"),
    (r"^([ \t]*\[(?:[A-Za-z0-9_-]+\.)*)([^\"'.\]#]+)\]", r'\1"\2"]', "such a name needs quotes"),
)  # fmt: skip


def in_plain_words(text: str, error: tomllib.TOMLDecodeError) -> tuple[str, ...]:
    """What is not TOML, one sentence for each line in which that can be told; never none."""
    lines = text.replace("\r\n", "\n").split("\n")
    message = str(error)
    at = re.search(r" \(at line (\d+), column \d+\)", message)
    number = min(int(at[1]), len(lines)) if at else len(lines)
    said = message[: message.rfind(" (at ")] if " (at " in message else message
    if any(word in said for word in ("overwrite", "Duplicate", "declare", "twice", "mutate")):
        return (f"line {number}: {_shown(lines[number - 1])}: this key or table is given twice",)
    several = _SEVERAL.search(text)
    found = [(i, _repair(line)) for i, line in enumerate(lines[:_MOST_LINES], 1) if not several]
    told = {i: _line(i, lines[i - 1], f"{fit[0]}: {fit[1].strip()}") for i, fit in found if fit}
    if told and (at is None or number in told):
        return tuple(told.values())[:_MOST_TOLD]
    if "Unclosed array" in said or "Unclosed inline table" in said:
        opens, closes, what = ("[", "]", "list") if "array" in said else ("{", "}", "table in braces")
        begun = [i for i, line in enumerate(lines[:number], 1) if line.count(opens) > line.count(closes)]
        number = begun[-1] if begun else number
        one_line = " and stands on one line" if opens == "{" else ""
        return (_line(number, lines[number - 1], f"a {what} ends with {closes}{one_line}"),)
    if re.fullmatch(rf"[ \t]*{_DOTTED}[ \t]*=[ \t]*(?:#.*)?", lines[number - 1]):
        said = "a value is missing after ="
    return (_line(number, lines[number - 1], _SAID.get(said, said)),)


def lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Line, from 1 on, of every table and of every key that begins a line; none of a text in which texts of
    several lines make that uncertain."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    if _SEVERAL.search(text):
        return found
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if header := _TABLE.fullmatch(line):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif pair := _PAIR.match(line):
            found.setdefault((*table, *_parts(pair[1])), number)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))


def _line(number: int, line: str, why: str) -> str:
    return f"line {number}: not TOML: {_shown(line)} ({why})"


def _shown(line: str) -> str:
    line = line.strip()
    return line if len(line) <= 80 else line[:77] + "..."


def _repair(line: str) -> tuple[str, str] | None:
    """(what is wrong, the line as it was probably meant), if that makes TOML of it."""
    if len(line) > _LONGEST or line.count("[") > _DEEPEST or not line.strip() or _is_toml(line):
        return None
    straight = line.translate(_STRAIGHT)
    if straight != line and _is_toml(straight):
        return "a text stands between straight quotes", straight
    for pattern, instead, why in _REPAIRS:
        right = re.sub(pattern, instead, straight)
        if right != straight and _is_toml(right):
            return why, right
    return None


def _is_toml(line: str) -> bool:
    try:
        tomllib.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
