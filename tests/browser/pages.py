"""What tests do with a page, whichever part of the lab it shows: fill forms, switch themes, wait for an effect."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import labs

TAB = "MLOps: experiments, models and services"
"""The name of the sidebar's tab."""
WCAG_AA = 4.5
"""The least contrast of a text."""


def eventually(holds: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Wait until something holds in the workspace, where what was clicked may still be under way; return what it gave."""
    deadline = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)
    return found


def sidebar(page: Any) -> None:
    """Show the sidebar, where it does not show already: a click on its tab then would hide it."""
    own = page.get_by_role("tab", name=TAB)
    if own.get_attribute("aria-selected") != "true":
        own.click()


def row(page: Any, pattern: str) -> Any:
    """A row of the sidebar, by what a screen reader says of it."""
    return page.get_by_role("treeitem", name=re.compile(pattern))


def menu(page: Any, label: str) -> None:
    """Choose an entry of the menu that is open, by the beginning of its label."""
    page.locator(f".lm-Menu-itemLabel:text-matches('^{label}'):visible").first.click()


def act(page: Any, bar: Any, name: str) -> None:
    """Press a button of a view's head, or choose it in the menu of those for which there is no room."""
    if not shows(bar.get_by_role("button", name=name, exact=True), 300):
        bar.get_by_role("button", name="More actions").click()
        menu(page, name)
    else:
        bar.get_by_role("button", name=name, exact=True).click()


def shows(element: Any, timeout_ms: float = 2000) -> bool:
    """Whether it is to be seen within that time."""
    from playwright.sync_api import TimeoutError as Late

    try:
        element.wait_for(timeout=timeout_ms)
    except Late:
        return False
    return True


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw the mouse from one place to another with its button held down, in pixels of the page."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def tab(page: Any, name: str) -> None:
    """Choose a tab of the view that is shown."""
    page.get_by_role("tab", name=name, exact=True).click()


def copied(page: Any) -> str:
    """What is in the clipboard."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def form(page: Any) -> Any:
    """The form that a button opened, once it has taken the focus, which it does a moment after it is drawn."""
    page.locator(".jp-Mlops-dialog .jp-Mlops-form").wait_for()
    # The palette gives the focus back as it closes; the dialog takes it again.
    page.locator(".lm-CommandPalette").first.wait_for(state="hidden")
    page.wait_for_function("document.querySelector('.jp-Mlops-dialog').contains(document.activeElement)")
    return page.locator(".jp-Mlops-dialog")


def verb(page: Any, label: str) -> Any:
    """Choose a command in the palette; return its form."""
    choose(page, label)
    return form(page)


def choose(page: Any, label: str) -> None:
    """Choose a command in the palette."""
    from playwright.sync_api import TimeoutError as Late

    page.locator("#jupyterlab-splash").wait_for(state="detached")
    palette = page.locator(".lm-CommandPalette-input")
    for _ in range(10):
        page.keyboard.press("Control+Shift+C")
        try:  # Lab takes shortcuts a moment after it is drawn, and hides the palette when something else takes the focus
            palette.fill(label, timeout=2000)
            page.locator(".lm-CommandPalette-item", has_text=label).first.click(timeout=2000)
        except Late:
            continue
        return
    raise AssertionError(f"the palette did not stay open for {label}")


def choose_by_keys(page: Any, label: str) -> None:
    """Choose a command in the palette without a mouse; its form is open then."""
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input:focus").wait_for()
    page.keyboard.type(label)
    page.locator(".lm-CommandPalette-item.lm-mod-active", has_text=label).wait_for()
    page.keyboard.press("Enter")
    form(page)


def fill(shown: Any, **fields: str) -> None:
    """Fill a form's fields in by their labels, those that are folded away, too."""
    more = shown.locator("details:not([open]) > summary")
    if more.count():
        more.first.click()
    for label, value in fields.items():
        named = shown.get_by_label(re.compile(rf"^{label.replace('_', ' ')}\*?$"))  # a star marks what is needed
        field = named.and_(shown.locator("input, select"))
        if field.evaluate("one => one.localName") == "select":
            field.select_option(value)
        else:
            field.fill(value)
        assert field.input_value() == value


def leave_all(page: Any) -> None:
    """Close the dialogs and menus that a test left open when it failed: else they would fail all that follow it."""
    left = page.locator(".jp-Dialog, .lm-Menu")
    eventually(lambda: not left.count() or page.keyboard.press("Escape"))  # the first may close a list in it alone


def confirm(page: Any, name: str) -> None:
    """Press a dialog's button, and wait until the dialog has gone with what it did."""
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_role("button", name=name, exact=True).click()
    dialog.wait_for(state="detached")


def cancel_dialog(page: Any, title: str) -> str:
    """Close the dialog of this title; return what its fields hold and what it says."""
    dialog = page.locator(".jp-Dialog", has_text=title)
    dialog.wait_for()
    fields = dialog.locator("input:visible")
    said = " ".join(fields.nth(at).input_value() for at in range(fields.count())) + dialog.inner_text()
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")
    return str(said)


def told(page: Any, text: str | re.Pattern[str]) -> Any:
    """Wait for a notification that says so."""
    found = page.locator(".Toastify__toast", has_text=text).last
    found.wait_for(timeout=90_000)
    return found


def press_of(notice: Any, name: str) -> None:
    """Press a button of a notification with the mouse.

    Below the mouse it does not go by itself; Playwright presses what stands still between two frames and is not covered.
    """
    notice.hover()
    notice.get_by_role("button", name=name).click()


def use_theme(page: Any, theme: str) -> None:
    """Choose a theme in Lab's menu."""
    page.get_by_role("menuitem", name="Settings").click()
    page.locator(".lm-Menu-itemLabel:text-is('Theme')").hover()
    page.locator(f".lm-Menu-itemLabel:text-is('{theme}')").click()
    page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")


def faint(page: Any, root: str, parts: Mapping[str, str], pictures: Path) -> dict[str, float]:
    """Return the texts below ``root`` without the contrast of WCAG AA, and which they have; keep a picture of each tab.

    ``parts`` names by each tab what is there when it is drawn. What Lab's own editor colours is let be.
    """
    found: dict[str, float] = {}
    for name, part in parts.items():
        tab(page, name)
        page.locator(root).get_by_role("tabpanel", name=name).locator(part).first.wait_for()
        page.screenshot(path=pictures / f"{name}.png")
        ratios = page.evaluate(labs.CONTRASTS, root)
        found |= {f"{name}: {text}": ratio for text, ratio in ratios.items() if ratio < WCAG_AA}
    return found
