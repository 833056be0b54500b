"""Arithmetic that a person writes into a file or a form, read without `eval`.

Allowed: numbers, the names given, + - * / **, unary minus and plus, brackets, pi, and the functions in
`FUNCTIONS`. Everything else is refused by name.
"""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_CHARACTERS = 2000
MAX_NODES = 200
MAX_EXPONENT = 64.0
FUNCTIONS: Mapping[str, tuple[Callable[..., float], int, int]] = {
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "abs": (abs, 1, 1),
    "min": (min, 2, 20),
    "max": (max, 2, 20),
}
CONSTANTS: Mapping[str, float] = {"pi": math.pi}
RESERVED = frozenset(FUNCTIONS) | frozenset(CONSTANTS)
WHAT_IS_ALLOWED = f"allowed are numbers, names, + - * / **, brackets, pi, {', '.join(FUNCTIONS)}"


class FormulaError(ValueError):
    """The formula is not one we read; the message says what is not allowed."""


@dataclass(frozen=True)
class Formula:
    """A checked formula. names: the variables it needs."""

    text: str
    names: frozenset[str]
    tree: ast.expr

    def __call__(self, values: Mapping[str, float]) -> float:
        """The number at these values; nan where the formula, or any part of it, is not a finite number.

        So division by zero, the logarithm of a negative number and what is too large are no number: not even
        inside `max`, or below a fraction bar where they would vanish.
        """
        missing = sorted(self.names - values.keys())
        if missing:
            raise FormulaError(f"no value for {', '.join(missing)}")
        try:
            return _number(self.tree, values)
        except (ArithmeticError, ValueError):
            return math.nan

    def measured(self, values: Mapping[str, float | None]) -> float | None:
        """The number at measured values; None, a failed measurement, where there is none or one of them failed."""
        there = {name: value for name in self.names if (value := values.get(name, math.nan)) is not None}
        if len(there) < len(self.names):
            return None
        value = self(there)
        return value if math.isfinite(value) else None


def read_formula(text: str) -> Formula:
    """Check a formula without computing it. Raises FormulaError."""
    if len(text) > MAX_CHARACTERS:
        raise FormulaError(f"longer than {MAX_CHARACTERS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise FormulaError(f"cannot be read near character {error.offset or 1}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FormulaError("cannot be read: nested too deep, or with a character or number out of range") from error
    names: set[str] = set()
    stack: list[ast.AST] = [tree]
    nodes = 0
    while stack:
        node = stack.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise FormulaError(f"longer than {MAX_NODES} terms and signs")
        stack.extend(_parts(node, names))
    return Formula(text, frozenset(names), tree)


def _parts(node: ast.AST, names: set[str]) -> list[ast.AST]:
    """The allowed parts below an allowed node; its name, if it is one, goes to `names`."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not abs(value) <= 1e300:
                raise FormulaError("a number is larger than 1e300")
            return []
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise FormulaError(f"{name} is a function and needs brackets: {name}(...)")
            if name not in CONSTANTS:
                names.add(name)
            return []
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right):
            return [left, right]
        case ast.BinOp(op=ast.BitXor()):
            raise FormulaError("^ is not allowed; a power is written **")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return [operand]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            _, fewest, most = FUNCTIONS[name]
            if not fewest <= len(args) <= most:
                count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
                raise FormulaError(f"{name} takes {count} values, not {len(args)}")
            return list(args)
        case ast.Call(func=ast.Name(id=name)):
            raise FormulaError(f"the function {name} is not allowed; {WHAT_IS_ALLOWED}")
        case _:
            raise FormulaError(f"{_shown(node)} is not allowed; {WHAT_IS_ALLOWED}")


def _shown(node: ast.AST) -> str:
    """A short picture of the forbidden part."""
    words = {
        ast.Attribute: "a dot after a name",
        ast.Subscript: "an index [ ]",
        ast.Lambda: "lambda",
        ast.Call: "this call",
        ast.Compare: "a comparison",
        ast.BoolOp: "and / or",
        ast.IfExp: "if / else",
        ast.NamedExpr: ":=",
        ast.List: "a list",
        ast.Tuple: "a comma outside a function",
        ast.Dict: "a dictionary",
        ast.JoinedStr: "a text",
    }
    if type(node) in words:
        return words[type(node)]
    if isinstance(node, ast.BinOp):
        return f"the operator {type(node.op).__name__}"
    if isinstance(node, ast.UnaryOp):
        return f"the sign {type(node.op).__name__}"
    if isinstance(node, ast.Constant):
        shown = repr(node.value)
        return shown if len(shown) <= 40 else shown[:37] + "..."
    return type(node).__name__


def _number(node: ast.AST, values: Mapping[str, float]) -> float:
    value = _value(node, values)
    if not math.isfinite(value):
        raise ArithmeticError("not a finite number")
    return value


def _value(node: ast.AST, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return CONSTANTS[name] if name in CONSTANTS else float(values[name])
        case ast.UnaryOp(op=op, operand=operand):
            value = _number(operand, values)
            return -value if isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(op, _number(left, values), _number(right, values))
        case ast.Call(func=ast.Name(id=name), args=args):
            return float(FUNCTIONS[name][0](*(_number(a, values) for a in args)))
    raise FormulaError(f"{_shown(node)} is not allowed")


def _combined(op: ast.operator, left: float, right: float) -> float:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if abs(right) <= MAX_EXPONENT and (left >= 0 or right == int(right)):
            return float(left**right)
    raise ArithmeticError("this power is not defined, or its exponent is out of bounds")
