"""Short messages to the person: the HX-Trigger header carries, static/js/toasts.js shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.http import HttpResponse


def add_toast(
    response: HttpResponse,
    message: str,
    *,
    kind: str = "",
    undo_url: str = "",
    is_in_place: bool = False,
) -> HttpResponse:
    """Adds a toast to an htmx response and returns it. `kind`: ok, warn, danger or plain; with
    `undo_url` the toast carries an Undo button (POST) for 30 s, answered on the same page where it
    `is_in_place`."""
    triggers = json.loads(response.get("HX-Trigger", "{}"))
    triggers["toast"] = {"message": message, "kind": kind}
    if undo_url:
        triggers["toast"] |= {"undo_url": undo_url, "undo_in_place": is_in_place}
    response["HX-Trigger"] = json.dumps(triggers)
    return response


def refresh_lists(response: HttpResponse) -> HttpResponse:
    """Tells the lists of the page to fetch themselves anew; returns the response."""
    triggers = json.loads(response.get("HX-Trigger", "{}"))
    triggers["poll"] = True
    response["HX-Trigger"] = json.dumps(triggers)
    return response


def close_dialog(response: HttpResponse) -> HttpResponse:
    """Tells the page to close its dialog; returns the response."""
    triggers = json.loads(response.get("HX-Trigger", "{}"))
    triggers["leadqual:close-dialog"] = True
    response["HX-Trigger"] = json.dumps(triggers)
    return response


def unpick(response: HttpResponse, lead_ids: Sequence[int]) -> HttpResponse:
    """Tells the queue that these leads are done with and no longer chosen; returns the response."""
    triggers = json.loads(response.get("HX-Trigger", "{}"))
    triggers["leadqual:unpick"] = {"leads": list(lead_ids)}
    response["HX-Trigger"] = json.dumps(triggers)
    return response
