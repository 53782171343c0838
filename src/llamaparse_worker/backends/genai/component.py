"""Opens everything that the settings say about providers: one client, one key each, no call yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from anyio import to_thread

from llamaparse_worker.backends.genai.client import DeployedModel, open_client
from llamaparse_worker.backends.genai.configured import AmazonLogin, GoogleLogin, Login
from llamaparse_worker.backends.genai.deployments import deployments
from llamaparse_worker.backends.genai.google_login import google_credentials
from llamaparse_worker.backends.genai.keys import AmazonKey, FixedKey, GoogleKey, Key
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import Component, GenAi


@asynccontextmanager
async def open_providers(settings: GenAiSettings) -> AsyncIterator[Sequence[GenAi]]:
    """Yield all deployments, the preferred first; none where no provider is configured.

    Raises:
        ConfigurationError: credentials cannot be read, or there are none.
    """
    keys: dict[Login, Key] = {}
    async with open_client() as client:
        models = []
        for one in deployments(settings):
            if one.login not in keys:
                keys[one.login] = await _key(one.login)
            models.append(DeployedModel(one.deployment, one.codec, keys[one.login], client))
        yield tuple(models)


async def _key(login: Login) -> Key:
    match login:
        case FixedKey():
            return login
        case GoogleLogin():
            return GoogleKey(await to_thread.run_sync(google_credentials, login))
        case AmazonLogin():
            return await _amazon(login)


async def _amazon(login: AmazonLogin) -> Key:
    from aiobotocore.credentials import AioCredentials  # noqa: PLC0415 - half a second, only for those who use Bedrock
    from aiobotocore.session import get_session  # noqa: PLC0415

    if login.access_key_id is not None:
        return AmazonKey(AioCredentials(login.access_key_id, login.secret_access_key), login.region)
    found = await get_session().get_credentials()
    if found is None:
        raise ConfigurationError(
            "AWS_BEDROCK_ACCESS_KEY_ID: no credentials for Bedrock, neither here nor where the AWS tools look"
        )
    return AmazonKey(found, login.region)


component: Component[GenAiSettings, Sequence[GenAi]] = Component(GenAiSettings, open_providers)
