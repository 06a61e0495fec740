"""Public holidays of a country or region as dates. Called when a calendar version is made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import holidays
from django.utils.translation import gettext as _

from qualification.exceptions import BusinessTimeInvalid


def public_holidays(country: str, region: str, years: Iterable[int]) -> list[date]:
    """The public holidays of these years, ascending; `country` as ISO 3166-1 alpha-2, `region`
    as the package `holidays` calls it, blank for the country's own. Raises BusinessTimeInvalid."""
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        raise BusinessTimeInvalid(
            _("country: no holidays are known for “%(country)s”") % {"country": country}
        )
    if region and region not in known[country]:
        raise BusinessTimeInvalid(
            _("region: “%(region)s” is not known in %(country)s; known are: %(all)s")
            % {
                "region": region,
                "country": country,
                "all": ", ".join(known[country]) or _("none"),
            }
        )
    found = holidays.country_holidays(country, subdiv=region or None, years=list(years))
    return sorted(found)
