"""What hands do, in the form that WebDriver and WebDriver BiDi share (https://www.w3.org/TR/webdriver2/#actions)."""

from typing import Any

KEYS = {
    "Backspace": "\ue003",
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Escape": "\ue00c",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
"""Keys that write no letter, by the names that pages and Playwright give them."""

Actions = list[dict[str, Any]]


def click(x: float, y: float) -> Actions:
    """Press and release the mouse at a point of the window."""
    mouse = [
        {"type": "pointerMove", "x": round(x), "y": round(y)},
        {"type": "pointerDown", "button": 0},
        {"type": "pointerUp", "button": 0},
    ]
    return [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": mouse}]


def press(chord: str) -> Actions:
    """Press keys at once, `Control+a`, and release them."""
    keys = [KEYS.get(key, key) for key in chord.split("+")]
    down = [{"type": "keyDown", "value": key} for key in keys]
    up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
    return [{"type": "key", "id": "keyboard", "actions": [*down, *up]}]


def type_text(text: str) -> Actions:
    """Type letter by letter."""
    strokes = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
    return [{"type": "key", "id": "keyboard", "actions": strokes}]
