"""Which files look like secrets: by their names, a few by what is in them."""

from __future__ import annotations

import re
from typing import Final

# Names are those that the tools which read them ask for, and endings of formats that hold keys and nothing else. What
# is committed everywhere without a secret in it (`.envrc`, `*.crt`, `credentials.py`) is not among them: a file that
# is left out must be worth the question it raises.
_NAMES: Final = re.compile(
    rb"""
    \.env(?:\.(?!(?:example|sample|template|dist)$).+)?
    | id_(?:rsa|dsa|ecdsa|ed25519|ecdsa_sk|ed25519_sk)
    | .+\.(?:p12|pfx|ppk|jks|keystore|kdbx)
    | \.?credentials(?:\.(?:json|ya?ml|toml|ini|csv))?
    | secrets\.(?:json|ya?ml|toml|env)
    | client_secret[^/]*\.json
    | kaggle\.json
    | [._]netrc | \.pgpass | \.pypirc | \.my\.cnf | \.git-credentials | \.htpasswd | \.dockercfg | \.s3cfg | \.boto
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_PEM: Final = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_DER: Final = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01][\x02\x04\x30]", re.DOTALL)
"""A sequence that begins with version 0 or 1 and a number, octets or an algorithm: PKCS #1, SEC 1 or PKCS #8."""

_NPM_TOKEN: Final = re.compile(rb"^[^#;\n]*_(?:authToken|auth|password)[ \t]*=[ \t]*(?![\s$]|\Z)", re.MULTILINE)
_GOOGLE_KEY: Final = re.compile(rb'"private_key"\s*:\s*"-----BEGIN ')
_ASK: Final = (b".pem", b".key", b".der", b".json", b".npmrc")


def is_secret_by_name(name: bytes) -> bool:
    """Tell whether a file of that name is a secret whatever is in it."""
    return _NAMES.fullmatch(name) is not None


def may_be_secret(name: bytes) -> bool:
    """Tell whether the content decides, by ``is_secret_by_content``."""
    return name.lower().endswith(_ASK)


def is_secret_by_content(name: bytes, content: bytes) -> bool:
    """Tell whether a file for which ``may_be_secret`` holds has a private key, or a token in clear, in it."""
    name = name.lower()
    if name.endswith(b".npmrc"):
        return _NPM_TOKEN.search(content) is not None
    if name.endswith(b".json"):  # a key that a Google service account signs with
        return _GOOGLE_KEY.search(content) is not None
    return _PEM.search(content) is not None or _DER.match(content) is not None
