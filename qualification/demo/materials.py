"""What colleagues of the demo show to leads."""

from __future__ import annotations

from qualification.models import Material, MaterialStage


def make_materials() -> None:
    """Three pages for everybody or one industry, and one for those who wait."""
    logistics = {"subject": "account.industry", "op": "is", "value": "Logistics"}
    rows: tuple[tuple[str, str, str, dict[str, str]], ...] = (
        ("Night shifts at a parcel hub", "A peer halved its loading time.", "", logistics),
        ("Ten questions before you buy", "A checklist they can share inside.", "", {}),
        ("A tour in four minutes", "The product without a meeting.", MaterialStage.WORKING, {}),
        ("News of the quarter", "A reason to write again.", MaterialStage.NURTURE, {}),
    )
    for position, (title, shows, stage, condition) in enumerate(rows, 1):
        Material.objects.create(
            position=position,
            title=title,
            url=f"https://show.example/{position}",
            shows=shows,
            stage=stage,
            condition=condition,
        )
