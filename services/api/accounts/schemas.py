"""Bodies and answers of the routes by which people come in."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.api.http.params import storable_text
from services.api.people.secrets import MAX_SECRET_CHARS
from shared.people.models import MAX_NAME_CHARS, name_key
from shared.people.tokens import Scope

MAX_KEY_CHARS = 3 * MAX_NAME_CHARS
"""Of the name as it is compared: some characters become several."""

MAX_TYPED_CHARS = 10_000
"""Of a password as it comes: one that is longer than is taken gets a sentence, and one without end is not read."""


def clean_name(text: str) -> str:
    """A name as it is kept. Raises `ValueError` for one that nobody could read or type."""
    name = " ".join(storable_text(unicodedata.normalize("NFC", text)).split())
    if not name or any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co"} for letter in name):
        raise ValueError("a name has letters, and nothing that cannot be seen")
    if len(name) > MAX_NAME_CHARS or len(name_key(name)) > MAX_KEY_CHARS:
        raise ValueError(f"a name has at most {MAX_NAME_CHARS} characters")
    return name


Name = Annotated[str, StringConstraints(max_length=4 * MAX_NAME_CHARS), AfterValidator(clean_name)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SECRET_CHARS)]
Typed = Annotated[str, StringConstraints(max_length=MAX_TYPED_CHARS)]
Json = dict[str, Any]


class Body(BaseModel):
    """A body, of which a field that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class PasswordSignIn(Body):
    """Name and password."""

    name: Typed
    password: Typed


class PasskeyAnswer(Body):
    """What a browser answers in a ceremony."""

    ceremony: Secret
    credential: Json


class DeviceSecret(Body):
    """The secret of a link for the next device."""

    secret: Secret


class ClaimCode(Body):
    """The code of the link in the log."""

    code: Secret


class ClaimBegin(ClaimCode):
    """The code, and the name of a new person."""

    name: Name | None = None


class ClaimBody(ClaimBegin):
    """The code, the name, and what is to open the server from now on: a password, or a passkey."""

    password: Typed | None = None
    ceremony: Secret | None = None
    credential: Json | None = None


class NewPasskey(PasskeyAnswer):
    """What a browser answers, and how its person calls the passkey."""

    name: Name | None = None


class NewPassword(Body):
    """The new password, and the one that there is."""

    password: Typed
    current: Typed | None = None


class NewName(Body):
    """A person's name."""

    name: Name


class NewToken(Body):
    """What a token is for."""

    name: Name
    scopes: list[Scope] = Field(max_length=len(Scope), description="`read` comes with every one.")
    library: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        default=None, description="The only library that it opens; null: all of the person."
    )
    expires_at: AwareDatetime | None = Field(default=None, description="null: it counts until it is revoked.")


class WaysIn(BaseModel):
    """How people come into this server."""

    on: bool = Field(description="Whether whoever sends this request has to sign in.")
    claimed: bool = Field(description="Whether anybody exists. If not, a link in the server's log makes the first.")
    ways: list[str] = Field(description="`passkey`, `password`.")


class PersonAnswer(BaseModel):
    """A person."""

    model_config = ConfigDict(title="Person")

    id: UUID
    name: str
    email: str | None


class LibraryAnswer(BaseModel):
    """A library, and what the person may do in it."""

    model_config = ConfigDict(title="LibraryRole")

    id: str
    name: str
    role: str


class SessionAnswer(BaseModel):
    """Who sends this request."""

    model_config = ConfigDict(title="Session")

    person: PersonAnswer | None = Field(description="None where nobody signs in.")
    how: str
    session: UUID | None
    expires: datetime | None
    library: str = Field(description="The one that is meant where a request names none.")
    libraries: list[LibraryAnswer]
    has_password: bool = False


class DeviceAnswer(BaseModel):
    """One browser in which the person is signed in."""

    model_config = ConfigDict(title="Device")

    id: UUID
    device: str
    how: str
    created_at: datetime
    used_at: datetime
    current: bool


class Devices(BaseModel):
    """All of them, the one used last first."""

    sessions: list[DeviceAnswer]


class PasskeyShown(BaseModel):
    """A passkey."""

    model_config = ConfigDict(title="Passkey")

    id: UUID
    name: str
    server: str = Field(description="The name of the server that it is for.")
    created_at: datetime
    used_at: datetime | None


class Passkeys(BaseModel):
    """All passkeys of the person."""

    passkeys: list[PasskeyShown]


class PasskeyBegun(BaseModel):
    """What the browser is to be asked, and the secret with which its answer is sent back."""

    ceremony: str
    options: Json = Field(description="PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON.")


class TokenShown(BaseModel):
    """A token, without its secret."""

    model_config = ConfigDict(title="Token")

    id: UUID
    name: str
    scopes: list[str]
    library: str | None = Field(description="The only library that it opens; null: all of the person.")
    created_at: datetime
    used_at: datetime | None = Field(description="To the minute.")
    expires_at: datetime | None


class TokenMade(TokenShown):
    """A new token, with its secret: no other answer has it."""

    model_config = ConfigDict(title="NewToken")

    token: str


class TokenList(BaseModel):
    """All tokens of the person, the newest first; those too whose time is over."""

    tokens: list[TokenShown]


class ClaimShown(BaseModel):
    """What a code opens."""

    person: str | None = Field(description="Who comes back in; None: a new person, who owns the server.")


class DeviceLink(BaseModel):
    """A link that signs in the next device, once."""

    url: str
    svg: str = Field(description="The link as a QR code.")
    expires: datetime
