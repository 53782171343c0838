"""Credentials of Google Cloud, by their type: only those that need no program to be run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from llamaparse_worker.backends.genai.configured import GoogleLogin
from llamaparse_worker.errors import ConfigurationError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def google_credentials(login: GoogleLogin) -> Credentials:
    """Load credentials; reads files, and asks the metadata server where nothing else is said.

    Raises:
        ConfigurationError: there are none, or they cannot be used; the message names the variable.
    """
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - only for those who use Vertex AI

    source = "GOOGLE_APPLICATION_CREDENTIALS" if login.credentials_json is None else "GOOGLE_VERTEX_AI_CREDENTIALS_JSON"
    try:
        if login.credentials_json is not None:
            return _of_type(json.loads(login.credentials_json))
        return _default() if login.path is None else _of_type(json.loads(login.path.read_bytes()))
    except (GoogleAuthError, ValueError, OSError) as error:  # whose texts may quote the credentials
        raise ConfigurationError(f"{source}: no credentials for Vertex AI ({type(error).__name__})") from None


def _default() -> Credentials:
    import google.auth  # noqa: PLC0415

    found: Credentials
    found, _ = google.auth.default(scopes=_SCOPES)
    return found


def _of_type(info: Mapping[str, object]) -> Credentials:
    from google.auth import identity_pool  # noqa: PLC0415
    from google.oauth2 import credentials, service_account  # noqa: PLC0415

    found: Credentials
    match info:
        case {"type": "service_account"}:
            found = service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
        case {"type": "external_account"}:
            found = identity_pool.Credentials.from_info(info, scopes=_SCOPES)
        case {"type": "authorized_user"}:
            found = credentials.Credentials.from_authorized_user_info(info, scopes=_SCOPES)
        case _:
            raise ValueError("credentials of no known type")
    return found
