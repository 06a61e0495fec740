"""One form for addresses, numbers, domains and names; normalising twice changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.matching import normalize as n


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Ana.Lund@BrightWater.COM ", "ana.lund@brightwater.com"),
        ("ana@xn--bcher-kva.de", "ana@bücher.de"),
        ("ana+promo@brightwater.com", "ana+promo@brightwater.com"),
        ("ana@brightwater", ""),
        ("ana brightwater.com", ""),
        ("Ana <ana@brightwater.com>", ""),
        ("ana@brightwater.com, bo@brightwater.com", ""),
        ("", ""),
        ("a\0b@brightwater.com", ""),
        ("a\ud800@brightwater.com", ""),
    ],
)
def test_it_normalises_addresses(text: str, expected: str) -> None:
    assert n.normal_email(text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a@brightwater.com", "corporate"),
        ("a@gmail.com", "free"),
        ("a@mailinator.com", "disposable"),
        ("a@sub.mailinator.com", "disposable"),
        ("a@mit.edu", "education"),
        ("a@cs.ox.ac.uk", "education"),
        ("a@academy.com", "corporate"),
        ("nobody", ""),
    ],
)
def test_it_tells_kinds_of_addresses(text: str, kind: str) -> None:
    assert n.email_kind(text) == kind


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://www.Brightwater.com/about?x=1", "brightwater.com"),
        ("brightwater.com/path", "brightwater.com"),
        ("http://user:pw@brightwater.com:8080/", "brightwater.com"),
        ("ana@mail.brightwater.com", "mail.brightwater.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("http://127.0.0.1/", ""),
        ("http://[::1]/", ""),
        ("http://[broken", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_it_finds_domains(text: str, domain: str) -> None:
    assert n.domain_of(text) == domain


def test_it_takes_no_company_from_free_hosts_and_shared_sites() -> None:
    texts = ["a@gmail.com", "a@mailinator.com", "https://linkedin.com/in/ana", "https://x.com/ana"]
    assert [n.company_domain(text) for text in texts] == ["", "", "", ""]
    assert n.company_domain("ana@brightwater.com") == "brightwater.com"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+49 30 901820", "", "+4930901820"),
        ("030 901820", "Germany", "+4930901820"),
        ("030 901820", "de", "+4930901820"),
        ("(212) 555-0100 ext. 12", "United States", "+12125550100"),
        ("020 7946 0018", "UK", "+442079460018"),
        ("030 901820", "", ""),
        ("1-800-FLOWERS", "US", ""),
        ("0000000000", "US", ""),
        ("call me", "US", ""),
        ("+49", "", ""),
    ],
)
def test_it_normalises_numbers(text: str, country: str, expected: str) -> None:
    assert n.normal_phone(text, country) == expected


@pytest.mark.parametrize(
    "names",
    [
        ("Brightwater GmbH", "BRIGHTWATER gmbh", "brightwater", "Brightwater, Inc."),
        ("Müller & Söhne", "Muller and Sohne GmbH & Co. KG"),
        ("The Northwind Co. Ltd.", "northwind", "Northwind Ltd."),
    ],
)
def test_it_gives_one_key_to_spellings_of_a_company(names: tuple[str, ...]) -> None:
    assert len({n.name_key(name) for name in names}) == 1


def test_it_keeps_different_companies_apart() -> None:
    assert len({n.name_key(name) for name in ("Delta", "Delta Air", "Deltapoint")}) == 3
    assert n.name_key("GmbH")
    assert n.name_key("!!!")
    assert not n.name_key("  ")


@given(st.text(max_size=80))
def test_it_never_fails_and_is_stable_on_any_text(text: str) -> None:
    clean = n.clean_text(text)
    assert n.clean_text(clean) == clean
    assert "\0" not in clean
    for normalise in (n.normal_email, n.domain_of, n.name_key):
        once = normalise(text)
        assert normalise(once) == once
    assert n.email_kind(text) in ("", "corporate", "free", "disposable", "education")
    assert len(n.name_key(text * 10)) <= 200


@given(
    st.from_regex(r"\+?[0-9 ()/.-]{3,25}", fullmatch=True), st.sampled_from(["", "DE", "US", "IN"])
)
def test_it_normalises_a_number_once(text: str, country: str) -> None:
    once = n.normal_phone(text, country)
    assert once == "" or once.startswith("+")
    assert n.normal_phone(once, country) == once


@given(
    st.from_regex(r"[a-z][a-z0-9.]{0,10}[a-z0-9]", fullmatch=True).filter(lambda s: ".." not in s),
    st.from_regex(r"[a-z]{2,10}\.(com|de|org)", fullmatch=True),
)
def test_it_takes_case_and_spaces_for_the_same_address(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    assert n.normal_email(f"  {address.upper()} ") == n.normal_email(address) == address
