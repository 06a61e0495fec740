"""Records in the admin: what is frozen is shown by its replay, secrets are not shown at all."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.models import AttributeDefinition, Source, User
from qualification.models import AuditEntry, DestinationField
from tests import factories
from tests.qualification.practice import past_leads

pytestmark = pytest.mark.django_db


def test_a_secret_is_never_shown_and_stays_when_nothing_is_typed(admin: Client) -> None:
    source = factories.SourceFactory(name="site", secret="s3cret-of-the-site")
    page = f"/admin/crm/source/{source.pk}/change/"
    html = admin.get(page).content.decode()
    assert "s3cret-of-the-site" not in html
    assert f"/intake/site/{source.credential}/" in html
    sent = {"label": "Our site", "is_active": "on", "secret": "", "team": ""}
    assert admin.post(page, sent).status_code == 302
    source.refresh_from_db()
    assert (source.label, source.secret, source.name) == ("Our site", "s3cret-of-the-site", "site")
    assert admin.post(page, sent | {"secret": "another-secret-of-it"}).status_code == 302
    assert Source.objects.get(pk=source.pk).secret == "another-secret-of-it"


def test_a_decision_leads_to_its_replay(admin: Client, people: dict[str, User]) -> None:
    decision = past_leads.decided("reject", by=people["sdr"], ae=people["ae"], at=timezone.now())
    html = admin.get(f"/admin/qualification/decision/{decision.pk}/change/").content.decode()
    assert f'href="/decisions/{decision.pk}/"' in html
    assert "total_tenths" not in html


def test_the_chain_names_people_and_things(admin: Client, people: dict[str, User]) -> None:
    past_leads.decided("reject", by=people["sdr"], ae=people["ae"], at=timezone.now())
    with connection.cursor() as cursor:  # entries are written when a transaction ends
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    entry = AuditEntry.objects.filter(subject_table="qualification_decision")[0]
    for page in ("", f"{entry.pk}/change/"):
        html = admin.get(f"/admin/qualification/auditentry/{page}").content.decode()
        assert people["sdr"].username in html
        assert "Decision" in html


def test_roles_and_zones_are_chosen_by_name(admin: Client, people: dict[str, User]) -> None:
    html = admin.get(f"/admin/crm/user/{people['sdr'].pk}/change/").content.decode()
    assert "Manager" in html
    assert '<option value="Europe/Berlin"' in html


def test_what_must_be_known_is_chosen_in_words(admin: Client) -> None:
    AttributeDefinition.objects.create(name="sites", label="Sites", type="number")
    DestinationField.objects.create(target="partner", subject="account.country")
    html = admin.get("/admin/qualification/destinationfield/").content.decode()
    assert "Company country" in html
    html = admin.get("/admin/qualification/destinationfield/add/").content.decode()
    assert '<option value="attributes.sites">Sites</option>' in html
    # Counted when asked, so that nobody could ever say it.
    assert "account.active_people" not in html
