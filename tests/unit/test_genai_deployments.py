from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llamaparse_worker.backends.genai.catalogue import catalogue
from llamaparse_worker.backends.genai.configured import AmazonLogin, Configured, GoogleLogin
from llamaparse_worker.backends.genai.deployments import deployments
from llamaparse_worker.backends.genai.keys import FixedKey, bearer
from llamaparse_worker.backends.genai.settings import (
    AnthropicSettings,
    AzureSettings,
    BedrockSettings,
    GeminiSettings,
    GenAiCommonSettings,
    GenAiSettings,
    OpenAiSettings,
    VertexSettings,
)
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.model.deployment import Deployment, Family, MinuteQuota, Provider, TokenField
from llamaparse_worker.model.genai import Reasoning, Usage
from llamaparse_worker.settings import Sources, read, trace
from llamaparse_worker.testing.genai import question

DOCS = Path(__file__).parents[2] / "docs" / "providers"


def configured(**environment: str) -> dict[str, Configured]:
    settings = read(GenAiSettings, sources=Sources(environment=environment))
    return {one.deployment.id: one for one in deployments(settings)}


def of(**environment: str) -> dict[str, Deployment]:
    return {name: one.deployment for name, one in configured(**environment).items()}


def entry(**facts: object) -> dict[str, Any]:
    return {"id": "one", "provider": "openai", "model_id": "openai-gpt-4o", "credentials": {"api_key": "k"}, **facts}


def entries(*found: object, **environment: str) -> dict[str, Configured]:
    return configured(LLM_PROVIDER_CONFIGS_JSON=json.dumps(found), **environment)


def url(one: Configured) -> str:
    return one.codec.encode(question()).url


def headers(one: Configured) -> Mapping[str, str]:
    return one.codec.encode(question()).headers


def test_without_variables_there_are_no_deployments() -> None:
    assert configured() == {}


def test_a_key_deploys_the_models_of_its_provider() -> None:
    found = of(OPENAI_API_KEY="k", OPENAI_MODELS="gpt-6-luna,openai-gpt-4-1")

    assert list(found) == ["openai:gpt-6-luna", "openai:openai-gpt-4-1"]
    assert [one.provider_model for one in found.values()] == ["gpt-6-luna", "gpt-4.1"]
    assert {one.family for one in found.values()} == {Family.OPENAI}


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "LC_OPENAI_API_KEY", "EVAL_OPENAI_API_KEY"])
def test_each_name_of_openais_key_will_do(name: str) -> None:
    (found,) = configured(**{name: "k"}).values()

    assert found.login == bearer("k")


def test_the_first_name_of_openais_key_wins() -> None:
    (found,) = configured(EVAL_OPENAI_API_KEY="c", LC_OPENAI_API_KEY="b", OPENAI_API_KEY="a").values()

    assert found.login == bearer("a")


def test_a_server_of_the_same_protocol_needs_no_key() -> None:
    (found,) = configured(OPENAI_BASE_URL="http://vllm:8000/v1", OPENAI_MODELS="qwen3-vl").values()

    assert (found.login, found.deployment.family) == (FixedKey(), Family.OTHER)
    assert url(found) == "http://vllm:8000/v1/chat/completions"
    assert not found.deployment.profile.images  # a setting says so, as nothing here knows the model


def test_openai_in_the_eu_stays_there_and_serves_text_alone() -> None:
    found = of(OPENAI_API_KEY="a", OPENAI_EU_API_KEY="b")

    eu = found["openai-eu:gpt-6-luna"]
    us = found["openai:gpt-6-luna"]
    assert (eu.in_eu, eu.text_only, us.in_eu, us.text_only) == (True, True, False, False)


def test_all_single_providers_together() -> None:
    found = configured(
        ANTHROPIC_API_KEY="a",
        GOOGLE_GEMINI_API_KEY="g",
        AZURE_OPENAI_GPT_4O_API_KEY="z",
        AZURE_OPENAI_GPT_4O_BASE_URL="https://r.openai.azure.com",
        AZURE_OPENAI_GPT_4O_DEPLOYMENT_NAME="mine",
        AZURE_OPENAI_GPT_4O_API_VERSION="2026-01-01",
        AWS_BEDROCK_ENABLED="true",
        AWS_BEDROCK_REGION="eu-central-1",
        AWS_BEDROCK_ACCESS_KEY_ID="id",
        AWS_BEDROCK_SECRET_ACCESS_KEY="secret",
        BEDROCK_ANTHROPIC_HAIKU_4_5_MODEL_ID="eu.anthropic.claude-haiku-4-5-v1:0",
        GOOGLE_VERTEX_AI_ENABLED="true",
        GOOGLE_CLOUD_PROJECT="p",
        GOOGLE_VERTEX_AI_LOCATION="europe-west4",
        GOOGLE_VERTEX_AI_MODELS="claude-x@1,gemini-3.8-flash",
        GOOGLE_VERTEX_AI_CREDENTIALS_JSON="{}",
    )

    assert {name: (one.deployment.family, one.deployment.in_eu) for name, one in found.items()} == {
        "azure:openai-gpt-4o": (Family.OPENAI, False),
        "anthropic:claude-haiku-5-5": (Family.CLAUDE, False),
        "anthropic:claude-sonnet-5-5": (Family.CLAUDE, False),
        "gemini:gemini-3.8-flash": (Family.GEMINI, False),
        "gemini:gemini-3.5-flash-lite": (Family.GEMINI, False),
        "vertexai:claude-x@1": (Family.CLAUDE, True),
        "vertexai:gemini-3.8-flash": (Family.GEMINI, True),
        "bedrock:anthropic-haiku-4.5": (Family.CLAUDE, True),
    }
    assert "/deployments/mine/" in url(found["azure:openai-gpt-4o"])
    assert found["vertexai:claude-x@1"].login == GoogleLogin("{}")
    assert found["bedrock:anthropic-haiku-4.5"].login == AmazonLogin("eu-central-1", "id", "secret")
    assert headers(found["anthropic:claude-haiku-5-5"])["anthropic-version"] == "2023-06-01"


AZURE = {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}
AWS = {"AWS_BEDROCK_ENABLED": "1", "AWS_REGION": "eu-west-1", "AWS_BEDROCK_MODELS": "m"}
GOOGLE = {"GOOGLE_VERTEX_AI_ENABLED": "1", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_VERTEX_AI_MODELS": "m"}


@pytest.mark.parametrize(
    ("origin", "environment"),
    [
        ("LC_OPENAI_API_KEY, OPENAI_MODELS", {"LC_OPENAI_API_KEY": "k"}),
        ("OPENAI_BASE_URL, OPENAI_MODELS", {"OPENAI_BASE_URL": "http://vllm/v1"}),
        ("OPENAI_EU_API_KEY, OPENAI_MODELS", {"OPENAI_EU_API_KEY": "k"}),
        ("AZURE_OPENAI_GPT_4O_API_KEY", {**AZURE, "AZURE_OPENAI_GPT_4O_API_KEY": "k"}),
        (
            "AZURE_OPENAI_AD_TOKEN, AZURE_OPENAI_DEPLOYMENTS",
            AZURE | {"AZURE_OPENAI_DEPLOYMENTS": "d", "AZURE_OPENAI_AD_TOKEN": "t"},
        ),
        ("ANTHROPIC_AUTH_TOKEN, ANTHROPIC_MODELS", {"ANTHROPIC_AUTH_TOKEN": "k", "ANTHROPIC_MODELS": "m"}),
        ("GOOGLE_GEMINI_API_KEY, GOOGLE_GEMINI_MODELS", {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_MODELS": "m"}),
        ("GOOGLE_VERTEX_AI_PROJECT_ID, GOOGLE_VERTEX_AI_MODELS", {**GOOGLE, "GOOGLE_CLOUD_LOCATION": "eu"}),
        ("AWS_BEARER_TOKEN_BEDROCK, AWS_BEDROCK_ENABLED", {**AWS, "AWS_BEARER_TOKEN_BEDROCK": "k"}),
        ("LLM_PROVIDER_CONFIGS_JSON[0] (one)", {"LLM_PROVIDER_CONFIGS_JSON": json.dumps([entry()])}),
    ],
)
def test_a_deployment_knows_the_variables_that_describe_it(origin: str, environment: dict[str, str]) -> None:
    (found,) = of(**environment).values()

    assert found.origin == origin


def test_a_profile_that_leaves_europe_is_not_in_the_eu() -> None:
    def in_eu(region: str, model: str) -> bool:
        environment = {"AWS_BEDROCK_ENABLED": "1", "AWS_BEDROCK_REGION": region, "AWS_BEDROCK_MODELS": model}
        (found,) = of(**environment).values()
        return found.in_eu

    assert in_eu("eu-west-1", "anthropic.claude-x")
    assert in_eu("eu-west-1", "eu.anthropic.claude-x")
    assert not in_eu("eu-west-1", "global.anthropic.claude-x")
    assert not in_eu("eu-west-1", "arn:aws:bedrock:eu-west-1:1:inference-profile/us.anthropic.claude-x")
    assert not in_eu("us-east-1", "anthropic.claude-x")
    assert not in_eu("eu-west-2", "anthropic.claude-x")  # London


def test_the_json_alone_says_which_deployments_there_are_and_which_comes_first() -> None:
    found = entries(
        entry(id="second", priority=100),
        entry(id="first", priority=200, tags=["Fast"], headers={"X-Team": "ocr"}),
        entry(id="off", enabled=False),
        OPENAI_API_KEY="unused",
    )

    assert list(found) == ["first", "second"]
    assert found["first"].deployment.tags == {"fast"}
    assert headers(found["first"])["x-team"] == "ocr"


def test_every_provider_of_the_json_is_reached() -> None:
    found = entries(
        entry(id="o", credentials={"api_key": "k", "org_id": "org"}),
        entry(id="v", model_id="qwen", credentials={"base_url": "http://vllm/v1"}),
        entry(id="z", provider="azure", credentials={"api_key": "k", "endpoint": "https://r", "deployment_id": "d"}),
        entry(id="a", provider="anthropic", model_id="anthropic-sonnet-4.5"),
        entry(id="g", provider="gemini", model_id="gemini-2.5-flash"),
        entry(
            id="p",
            provider="vertexai",
            model_id="gemini-2.5-pro",
            credentials={"credentials_type": "proxy", "base_url": "http://proxy", "project_id": "p", "location": "eu"},
        ),
        entry(
            id="x",
            provider="vertexai",
            model_id="gemini-2.5-pro",
            credentials={"project_id": "p", "location": "us-east5", "credentials": {"type": "service_account"}},
        ),
        entry(
            id="b",
            provider="bedrock",
            model_id="anthropic-haiku-4.5",
            provider_model_name="eu.anthropic.haiku",
            credentials={"region": "eu-west-1", "access_key_id": "i", "secret_access_key": "s"},
        ),
    )

    assert {name: (url(one), one.login) for name, one in found.items()} == {
        "o": ("https://api.openai.com/v1/chat/completions", bearer("k")),
        "v": ("http://vllm/v1/chat/completions", FixedKey()),
        "z": ("https://r/openai/v1/chat/completions", FixedKey("api-key", "k")),
        "a": ("https://api.anthropic.com/v1/messages", FixedKey("x-api-key", "k")),
        "g": (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
            FixedKey("x-goog-api-key", "k"),
        ),
        "p": (
            "http://proxy/v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-pro:generateContent",
            FixedKey(),
        ),
        "x": (
            (
                "https://us-east5-aiplatform.googleapis.com"
                "/v1/projects/p/locations/us-east5/publishers/google/models/gemini-2.5-pro:generateContent"
            ),
            GoogleLogin('{"type": "service_account"}'),
        ),
        "b": (
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/eu.anthropic.haiku/converse",
            AmazonLogin("eu-west-1", "i", "s"),
        ),
    }
    assert headers(found["o"])["openai-organization"] == "org"
    assert found["a"].deployment.provider_model == "claude-sonnet-4-5"
    assert found["z"].deployment.provider_model == "d"


def test_a_tag_says_what_an_address_does_not() -> None:
    at_home = {"base_url": "http://vllm/v1"}

    assert entries(entry(tags=["eu"], credentials=at_home))["one"].deployment.in_eu
    with pytest.raises(ConfigurationError, match=r"\(one\): the tag `eu` contradicts the address"):
        entries(entry(tags=["eu"]))


WRONG = [
    ("[", "LLM_PROVIDER_CONFIGS_JSON is not JSON: Expecting value at character 1"),
    ("{}", "LLM_PROVIDER_CONFIGS_JSON: Input should be a valid tuple"),
    ([{"id": "x"}], r"LLM_PROVIDER_CONFIGS_JSON\[0\].provider: Field required"),
    ([entry(provider="mistral")], r"LLM_PROVIDER_CONFIGS_JSON\[0\].provider: Input should be 'openai', 'azure'"),
    ([entry(), entry(priority="high")], r"LLM_PROVIDER_CONFIGS_JSON\[1\].priority: Input should be a valid integer"),
    ([entry(credentials={})], r"LLM_PROVIDER_CONFIGS_JSON\[0\] \(one\): credentials.api_key is required"),
    ([entry(provider="azure")], r"\(one\): credentials.endpoint is required"),
    ([entry(provider="anthropic", credentials={})], r"\(one\): credentials.api_key is required"),
    ([entry(provider="gemini", credentials={})], r"\(one\): credentials.api_key is required"),
    ([entry(provider="vertexai")], r"\(one\): credentials.project_id is required"),
    ([entry(provider="bedrock", model_id="x")], r"\(one\): credentials.region is required"),
    (
        [entry(provider="bedrock", model_id="anthropic-haiku-4.5", credentials={"region": "r"})],
        "provider_model_name is required: bedrock has a name of its own for anthropic-haiku-4.5",
    ),
    (
        [entry(provider="bedrock", model_id="x", credentials={"region": "r", "access_key_id": "i"})],
        r"\(one\): credentials.secret_access_key is required",
    ),
    ([entry(), entry()], "two deployments have the id one"),
    (
        [entry(credentials={"api_key": "k", "base_url": "vllm:8000"})],
        r"\[0\].credentials.base_url: String should match",
    ),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_what_is_wrong_in_the_json_is_named(value: object, message: str) -> None:
    text = value if isinstance(value, str) else json.dumps(value)

    with pytest.raises(ConfigurationError, match=message):
        configured(LLM_PROVIDER_CONFIGS_JSON=text)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"\[0\] \(a\): .*; .*\[2\] \(c\): "):
        entries(entry(id="a", credentials={}), entry(id="b"), entry(id="c", credentials={}))


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"AWS_BEDROCK_ENABLED": "1", "AWS_REGION": "eu-west-1"}, "AWS_BEDROCK_ENABLED needs a model"),
        ({"AWS_BEDROCK_ENABLED": "1", "AWS_BEDROCK_MODELS": "m"}, r"AWS_BEDROCK_ENABLED needs a region"),
        (
            {
                "AWS_BEDROCK_ENABLED": "1",
                "AWS_BEDROCK_MODELS": "m",
                "AWS_REGION": "r",
                "AWS_BEDROCK_ACCESS_KEY_ID": "i",
            },
            "AWS_BEDROCK_ACCESS_KEY_ID and AWS_BEDROCK_SECRET_ACCESS_KEY: set both, or neither",
        ),
        (
            {"GOOGLE_VERTEX_AI_ENABLED": "1", "GOOGLE_VERTEX_AI_LOCATION": "eu"},
            "GOOGLE_VERTEX_AI_ENABLED needs GOOGLE_VERTEX_AI_PROJECT_ID and GOOGLE_VERTEX_AI_MODELS",
        ),
        ({"AZURE_OPENAI_GPT_4O_DEPLOYMENT_NAME": "d"}, "AZURE_OPENAI_GPT_4O_BASE_URL is required"),
        (
            {"AZURE_OPENAI_GPT_4O_BASE_URL": "https://r"},
            "AZURE_OPENAI_GPT_4O_API_KEY is required",
        ),
        ({"AZURE_OPENAI_DEPLOYMENTS": "d"}, "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY are required"),
        ({"OPENAI_API_KEY": "k", "OPENAI_CUSTOM_HEADERS": "nonsense"}, "OPENAI_CUSTOM_HEADERS: a line is not"),
        ({"GENAI_PROFILES_JSON": '{"gpt-*": {"image": true}}'}, r"GENAI_PROFILES_JSON.gpt-\*.image: Extra inputs"),
        ({"GENAI_ALIASES_JSON": '{"a": "b"}'}, "GENAI_ALIASES_JSON.a: Input should be a valid tuple"),
        ({"GENAI_QUOTAS_JSON": '{"a": {"rpm": 0}}'}, "GENAI_QUOTAS_JSON.a.rpm: Input should be gr"),
        ({"GENAI_PRICES_JSON": '{"a": {"input": -1, "output": 1}}'}, "GENAI_PRICES_JSON.a.input: Input should be gr"),
        ({"OPENAI_BASE_URL": "vllm"}, r"^OPENAI_BASE_URL=vllm"),
    ],
)
def test_what_is_wrong_in_a_variable_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configured(**environment)


def test_no_secret_is_ever_shown() -> None:
    secret = "TOPSECRET"
    environment = {
        "OPENAI_API_KEY": secret,
        "OPENAI_CUSTOM_HEADERS": f"X-Key: {secret}",
        "AZURE_OPENAI_GPT_4O_API_KEY": secret,
        "AZURE_OPENAI_GPT_4O_BASE_URL": "https://r",
        "AWS_BEDROCK_SECRET_ACCESS_KEY": secret,
        "GOOGLE_VERTEX_AI_CREDENTIALS_JSON": secret,
        "ANTHROPIC_API_KEY": secret,
        "GOOGLE_GEMINI_API_KEY": secret,
    }
    sources = Sources(environment=environment)

    assert secret not in repr(trace(GenAiSettings, sources=sources))
    assert secret not in repr(configured(**environment))
    assert secret not in repr(entries(entry(credentials={"api_key": secret}, headers={"x": secret})))
    with pytest.raises(ConfigurationError) as refused:
        entries({"id": secret[:3], "provider": "openai", "credentials": {"api_key": secret, "base_url": secret}})
    assert secret not in refused.value.message


def test_a_variable_says_what_may_be_sent_to_a_model() -> None:
    text = '{"qwen3-vl*": {"images": true, "max_output_tokens": 4096, "reasoning": {"none": "off"}}}'
    (found,) = of(OPENAI_BASE_URL="http://vllm/v1", OPENAI_MODELS="qwen3-vl-8b", GENAI_PROFILES_JSON=text).values()

    assert (found.profile.images, found.profile.max_output_tokens) == (True, 4096)
    assert found.profile.reasoning == {Reasoning.NONE: "off"}
    assert found.profile.temperature  # what it does not say stays


def test_a_profile_holds_wherever_the_model_runs() -> None:
    found = of(
        LLM_PROVIDER_CONFIGS_JSON=json.dumps(
            [
                entry(
                    id="azure",
                    provider="azure",
                    model_id="openai-gpt-5",
                    credentials={"api_key": "k", "endpoint": "https://r", "deployment_id": "mine"},
                ),
                entry(id="openai", model_id="openai-gpt-5"),
            ]
        )
    )

    assert found["azure"].profile == found["openai"].profile
    assert found["azure"].profile.token_field is TokenField.MAX_COMPLETION_TOKENS
    assert not found["azure"].profile.temperature


@pytest.mark.parametrize(
    ("name", "temperature", "schema", "tokens"),
    [
        ("gpt-4o-mini", True, True, "max_tokens"),
        ("gpt-5-mini", False, True, "max_completion_tokens"),
        ("gpt-6-luna", False, True, "max_completion_tokens"),
        ("o3", False, True, "max_completion_tokens"),
        ("claude-3-5-haiku-20241022", True, False, "max_tokens"),
        ("claude-opus-4-20250514", True, False, "max_tokens"),
        ("claude-haiku-4-5", True, True, "max_tokens"),
        ("claude-sonnet-5-5", False, True, "max_tokens"),
        ("gemini-2.5-flash", True, True, "max_tokens"),
        ("gemini-3.8-flash", False, True, "max_tokens"),
        ("a-model-of-somebody", True, False, "max_tokens"),
    ],
)
def test_a_model_gets_what_its_generation_takes(name: str, temperature: bool, schema: bool, tokens: str) -> None:  # noqa: FBT001
    found = catalogue().profile(name)

    assert (found.temperature, found.schema, found.token_field) == (temperature, schema, tokens)


def test_the_newer_version_of_anthropics_api_gets_no_temperature() -> None:
    def temperature(version: str) -> bool:
        environment = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_MODELS": "anthropic-sonnet-4.5"}
        (found,) = of(**environment, ANTHROPIC_VERSION=version).values()
        return found.profile.temperature

    assert temperature("2023-06-01")
    assert not temperature("2026-10-21")


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("gpt-4o-mini", {"gpt-6-luna", "openai-gpt-4o-mini"}),
        ("haiku-3.5", {"claude-haiku-5-5"}),
        ("claude sonnet", {"claude-sonnet-5-5"}),
        ("claude", {"claude-haiku-5-5", "claude-sonnet-5-5"}),
        ("gemini", {"gemini-3.8-flash", "gemini-3.5-flash-lite"}),
        ("openai", {"gpt-6-luna", "openai-gpt-4o-mini"}),
        ("gpt-6-luna", {"gpt-6-luna"}),
        ("vision", {"gemini-3.8-flash"}),
        ("unknown", set()),
    ],
)
def test_a_documented_name_means_the_models_that_are_deployed(name: str, models: set[str]) -> None:
    found = of(
        OPENAI_API_KEY="k",
        OPENAI_MODELS="gpt-6-luna,openai-gpt-4o-mini",
        ANTHROPIC_API_KEY="k",
        GEMINI_API_KEY="k",
        GENAI_ALIASES_JSON='{"vision": ["gemini-3.8-*"]}',
    )

    assert {one.model_id for one in found.values() if one.is_called(name)} == models


def test_quotas_are_those_of_the_entry_or_of_the_first_pattern_that_means_the_deployment() -> None:
    quotas = '{"azure:*": {"rpm": 300, "tpm": 120000}, "gpt-4o": {"tpm": 5000}}'
    single = of(
        OPENAI_API_KEY="k",
        OPENAI_MODELS="openai-gpt-4o,gpt-4.1",
        AZURE_OPENAI_GPT_4O_API_KEY="k",
        AZURE_OPENAI_GPT_4O_BASE_URL="https://r.example",
        GENAI_QUOTAS_JSON=quotas,
    )
    array = entries(entry(id="own", tpm=70), entry(id="none"), GENAI_QUOTAS_JSON=quotas)

    assert {name: one.quota for name, one in single.items()} == {
        "openai:openai-gpt-4o": MinuteQuota(tokens=5000),
        "openai:gpt-4.1": MinuteQuota(),
        "azure:openai-gpt-4o": MinuteQuota(300, 120_000),
    }
    assert array["own"].deployment.quota == MinuteQuota(tokens=70)
    assert array["none"].deployment.quota == MinuteQuota(tokens=5000)


def test_a_call_costs_what_the_settings_say() -> None:
    prices = '{"gpt-6-*": {"input": 2, "output": 8, "cached": 0.5}, "*": {"input": 1, "output": 1}}'
    found = of(OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k", GENAI_PRICES_JSON=prices)
    usage = Usage(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000)

    luna, claude = found["openai:gpt-6-luna"].price, found["anthropic:claude-haiku-5-5"].price
    assert luna is not None
    assert claude is not None
    assert luna.of(usage) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 8)
    assert claude.of(usage) == pytest.approx(1.1)
    assert of(OPENAI_API_KEY="k")["openai:gpt-6-luna"].price is None


def test_the_examples_of_the_documentation_can_be_used_as_they_stand() -> None:
    page = (DOCS / "README.md").read_text()
    array, profiles = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found = of(LLM_PROVIDER_CONFIGS_JSON=array, GENAI_PROFILES_JSON=profiles)

    assert [(name, one.in_eu, one.profile.images) for name, one in found.items()] == [
        ("claude-eu", True, True),
        ("in-house", True, True),
    ]


def test_the_documentation_of_providers_explains_their_variables() -> None:
    text = "".join(path.read_text() for path in DOCS.glob("*.md"))
    bases = (OpenAiSettings, AzureSettings, AnthropicSettings, GeminiSettings, VertexSettings, BedrockSettings)
    names = {name.upper() for model in (GenAiCommonSettings, *bases) for name in model.model_fields}

    assert {name for name in names if f"`{name}" not in text} == {"OPENAI_EU_BASE_URL"}


def test_the_documentation_names_every_alias() -> None:
    text = (DOCS / "README.md").read_text()

    assert [alias for alias in catalogue().aliases if f"`{alias}`" not in text] == []


def test_every_provider_of_the_model_can_be_configured() -> None:
    assert {one.value for one in Provider} == {"openai", "azure", "anthropic", "vertexai", "bedrock", "gemini"}
