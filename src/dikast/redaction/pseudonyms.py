"""Pseudonyms: the same value gets the same one, whoever asks and whenever, as long as the key is the same.

A pseudonym is the kind and a code, such as `[PHONE-k3xq7afm]`. The code is made of the value with a secret key
(HMAC-SHA256), so it depends neither on the order of texts nor on the process, and says nothing without the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from dikast.errors import InputError, MissingExtra, OutputError
from dikast.redaction.kinds import PSEUDONYM

_CODE = 8  # characters, 40 bits: of 100,000 different values, two share one in 1 case of 200
_LONG_CODE = 16
_KEY_BYTES = 32


class Pseudonyms:
    """Pseudonyms under one key. vault: where each is kept with its value, sealed; None keeps nothing."""

    def __init__(self, key: bytes, vault: Vault | None = None) -> None:
        self._secret = _derived(key, "pseudonyms")
        self._vault = vault
        self._taken: dict[str, bytes] = {}
        self.name = hashlib.sha256(self._secret).hexdigest()[:8]

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of a value. Spellings of one number or address have the same."""
        digest = hmac.new(self._secret, f"{kind}\0{one_spelling(kind, value)}".encode(), hashlib.sha256).digest()
        code = base64.b32encode(digest).decode().lower()
        short = f"[{kind}-{code[:_CODE]}]"
        is_mine = self._taken.setdefault(short, digest) == digest
        pseudonym = short if is_mine else f"[{kind}-{code[:_LONG_CODE]}]"
        if self._vault is not None:
            self._vault.keep(pseudonym, value)
        return pseudonym


def one_spelling(kind: str, value: str) -> str:
    """A value in the one spelling under which all of its spellings are the same.

    >>> one_spelling("PHONE", "+886 912-345-678") == one_spelling("PHONE", "0912345678")
    True
    """
    plain = re.sub(r"[\u00ad\u200b-\u200f\u2060\ufeff]", "", value)
    plain = "".join(chr(ord(one) - 0xFEE0) if 0xFF01 <= ord(one) <= 0xFF5E else one for one in plain)
    if kind == "PHONE":
        return _one_phone(plain)
    if kind in ("EMAIL", "PERSON"):
        return " ".join(plain.casefold().split())
    if kind in ("SECRET", "PRIVATE_KEY", "JWT", "API_KEY", "VALUE", "CRYPTO"):
        return plain.strip()
    return re.sub(r"[\W_]", "", plain).upper().replace("臺", "台")


def _one_phone(text: str) -> str:
    """A number with its country code where that is known, else its digits."""
    extension = re.search(r"(?:#|分機|分机|转|轉|ext\.?|x)\s?(\d+)$", text, re.IGNORECASE)
    body = text[: extension.start()] if extension else text
    digits = re.sub(r"\D", "", body.replace("(0)", ""))
    if re.match(r"\W*\+", body) or digits.startswith("00"):
        digits = digits.removeprefix("00")
        for country in ("886", "86"):
            if digits.startswith(f"{country}0"):
                digits = country + digits[len(country) + 1 :]
    elif re.fullmatch(r"09\d{8}", digits):
        digits = "886" + digits[1:]
    elif re.fullmatch(r"1[3-9]\d{9}", digits):
        digits = "86" + digits
    elif re.fullmatch(r"0[2-8]\d{7,8}", digits):
        digits = "886" + digits[1:]
    return f"{digits}#{extension[1]}" if extension else digits


class Vault:
    """Pseudonyms and their values, each sealed with the key, in a file that says nothing without it.

    Raises MissingExtra without the package that seals, and InputError for a file that another key has sealed.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        try:
            from cryptography.fernet import Fernet
        except ImportError:
            raise MissingExtra("keeping pseudonyms reversible", "redact") from None
        self._path = path
        self._seal = Fernet(base64.urlsafe_b64encode(_derived(key, "vault")))
        self._cut = False  # whether a kill left a line without its end
        self._sealed = self._read()

    def keep(self, pseudonym: str, value: str) -> None:
        """Keep what a pseudonym stands for, once."""
        if pseudonym in self._sealed:
            return
        token = self._seal.encrypt(value.encode()).decode()
        line = "\n" * self._cut + json.dumps({"pseudonym": pseudonym, "sealed": token}) + "\n"
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with open(handle, "ab", buffering=0) as file:
                file.write(line.encode())  # one write: several processes append whole lines
        except OSError as error:
            raise OutputError(f"the vault {str(self._path)!r} can't be written: {error.strerror}") from error
        self._cut = False
        self._sealed[pseudonym] = token

    def look_up(self, pseudonym: str) -> str | None:
        """What a pseudonym stands for; None where the vault does not hold it."""
        from cryptography.fernet import InvalidToken

        token = self._sealed.get(pseudonym)
        if token is None:
            return None
        try:
            return self._seal.decrypt(token.encode()).decode()
        except InvalidToken:
            raise InputError(
                f"the vault {str(self._path)!r} was sealed with another key",
                hint="Give the key file that the import used: --key FILE or DIKAST_REDACT_KEY.",
            ) from None

    def restored(self, text: str) -> str:
        """A text with every pseudonym that the vault holds turned into what it stands for."""
        return PSEUDONYM.sub(lambda match: self.look_up(match[0]) or match[0], text)

    def __len__(self) -> int:
        return len(self._sealed)

    def _read(self) -> dict[str, str]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InputError(f"the vault {str(self._path)!r} can't be read: {error.strerror}") from error
        self._cut = bool(content) and not content.endswith(b"\n")
        sealed: dict[str, str] = {}
        for line in content.splitlines():
            try:
                entry = json.loads(line)
                sealed[entry["pseudonym"]] = entry["sealed"]
            except (ValueError, KeyError, TypeError):
                continue  # a line that a kill cut; what it held is sealed again when it is met
        return sealed


def key_in(path: Path, *, make: Callable[[], object] | None = None) -> bytes:
    """The key in a file; with `make`, which prepares its folder, one is made where there is none.

    The file is readable by its owner only. Raises InputError for a file that others can read, or that holds no key.
    """
    if make is not None and not path.exists():
        make()
        _write_key(path)
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"there is no key file {str(path)!r}", hint="dikast import --redact makes one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the key file {str(path)!r} can't be read: {error}") from None
    if os.name == "posix" and mode & 0o077:
        raise InputError(f"the key file {str(path)!r} can be read by others", hint=f"chmod 600 {path}")
    if not re.fullmatch(rf"[0-9a-f]{{{2 * _KEY_BYTES}}}", text):
        raise InputError(
            f"the key file {str(path)!r} holds no key of {2 * _KEY_BYTES} hexadecimal digits",
            hint="Give back the file that was made here, or delete it: pseudonyms are then new ones.",
        )
    return bytes.fromhex(text)


def _write_key(path: Path) -> None:
    """Make a key file, unless another process was quicker; nobody ever sees half of one."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    except OSError as error:
        raise OutputError(f"the key file {str(path)!r} can't be made: {error.strerror}") from error


def _derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose, so that what one of them shows tells nothing of the other."""
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()
