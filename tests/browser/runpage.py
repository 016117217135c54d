"""A run's page, as tests go through it."""

from __future__ import annotations

from typing import Any

from pages import act, form


def show(page: Any, tab: str) -> Any:
    """Choose a tab; return its panel."""
    shown = page.locator(".jp-mod-run:visible")
    shown.get_by_role("tab", name=tab, exact=True).click()
    return shown.get_by_role("tabpanel", name=tab, exact=True)


def press(page: Any, button: str) -> None:
    """Press a button above the run that is shown."""
    bar = page.locator(".jp-mod-run:visible").get_by_role("toolbar", name="What to do with the run")
    act(page, bar, button)


def asked(page: Any, button: str) -> Any:
    """Press a button above the run that asks for something; return its form."""
    press(page, button)
    return form(page)


def close_tab(page: Any) -> None:
    """Close the tab in front, and come back to the run."""
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()
    page.get_by_role("tab", name="brave-owl").click()
