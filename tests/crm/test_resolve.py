"""One look-up at a time: the person, the company."""

from crm.matching.resolve import account_for, find_lead
from crm.models import Account, AccountDomain, LeadIdentity
from tests import factories

NOW = factories.NOW


def test_it_finds_by_identity_then_address_then_number(db: None) -> None:
    ana = factories.LeadFactory(email="ana@brightwater.com", phone_key="+4930901820")
    bo = factories.LeadFactory(email="bo@brightwater.com")
    LeadIdentity.objects.create(
        lead=bo, source=bo.source, external_id="b-1", first_seen_at=NOW, last_seen_at=NOW
    )
    assert find_lead(email=" ANA@brightwater.com ") == ana
    assert find_lead(phone="030 901820", country="Germany") == ana
    assert find_lead(source=bo.source, external_id="b-1", email="ana@brightwater.com") == bo
    assert find_lead(source=ana.source, external_id="b-1") is None
    assert find_lead(email="nonsense") is None
    assert find_lead() is None


def test_it_makes_a_company_once(db: None) -> None:
    first = account_for(company="Brightwater GmbH", email="a@brightwater.com", now=NOW)
    assert first is not None
    for given in (
        {"email": "b@brightwater.com"},
        {"website": "https://shop.brightwater.com"},
        {"company": "brightwater"},
        {"company": "Brightwater AG", "email": "c@gmail.com"},
    ):
        assert account_for(now=NOW, **given) == first
    assert account_for(email="a@gmail.com", now=NOW) is None
    assert account_for(now=NOW) is None
    assert Account.objects.count() == AccountDomain.objects.count() == 1


def test_who_writes_from_a_campus_teaches_it_no_domains(db: None) -> None:
    campus = account_for(company="State University", email="s@campus.example", now=NOW)
    assert campus is not None
    for firm in ("copperline", "brightwater"):
        found = account_for(
            company=firm.title(),
            email="other@campus.example",
            website=f"https://{firm}.example",
            now=NOW,
        )
        assert found == campus
    assert list(campus.domains.values_list("domain", flat=True)) == ["campus.example"]
    own = account_for(company="Copperline", website="https://copperline.example", now=NOW)
    assert own != campus


def test_a_second_domain_of_the_same_name_is_learnt(db: None) -> None:
    first = account_for(company="Brightwater", email="a@brightwater.com", now=NOW)
    assert first is not None
    account_for(
        company="Brightwater GmbH", email="b@brightwater.com", website="brightwater.de", now=NOW
    )
    account_for(email="c@brightwater.com", website="https://brightwater.at", now=NOW)
    assert set(first.domains.values_list("domain", flat=True)) == {
        "brightwater.com",
        "brightwater.de",
        "brightwater.at",
    }
