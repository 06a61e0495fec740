"""Rows for tests, with just enough in them to be valid."""

from __future__ import annotations

import datetime as dt

import factory
from django.contrib.auth.models import Group

from crm.models import Account, Lead, Source, Team, User

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


class TeamFactory(factory.django.DjangoModelFactory[Team]):
    class Meta:
        model = Team
        django_get_or_create = ["name"]

    name = factory.Sequence(lambda n: f"Team {n}")


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    first_name = "Maya"
    last_name = factory.Sequence(lambda n: f"Lindqvist{n}")
    email = factory.LazyAttribute(lambda person: f"{person.username}@leadqual.example")


def person(role: str, team: Team | None = None, **fields: object) -> User:
    """An active user holding one role."""
    user = UserFactory(team=team, **fields)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    if role == "admin":
        user.is_staff = True
        user.save()
    return user


class SourceFactory(factory.django.DjangoModelFactory[Source]):
    class Meta:
        model = Source

    name = factory.Sequence(lambda n: f"source-{n}")
    kind = Source.Kind.JSON
    credential = factory.Sequence(lambda n: f"credential-{n}")
    secret = "s3cret-of-the-tests"
    created_at = NOW


class AccountFactory(factory.django.DjangoModelFactory[Account]):
    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"Company {n}")
    created_at = NOW
    updated_at = NOW


class LeadFactory(factory.django.DjangoModelFactory[Lead]):
    class Meta:
        model = Lead

    first_name = "Hannah"
    last_name = factory.Sequence(lambda n: f"Vogel{n}")
    email = factory.Sequence(lambda n: f"lead{n}@brightwater.example")
    email_key = factory.SelfAttribute("email")
    team = factory.SubFactory(TeamFactory, name="EMEA")
    source = factory.SubFactory(SourceFactory)
    stage_at = NOW
    received_at = NOW
    created_at = NOW
    updated_at = NOW
