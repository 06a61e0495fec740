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
