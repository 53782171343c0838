from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from llama_cloud.types.parsing_get_response import (
    ImagesContentMetadata,
    Items,
    ItemsPageStructuredResultPage,
    Markdown,
    Metadata,
    ParsingGetResponse,
    Text,
)
from pydantic import BaseModel

from llamaparse_worker.backends.writer.json import JsonWriter
from llamaparse_worker.backends.writer.markdown import MarkdownWriter
from llamaparse_worker.backends.writer.text import TextWriter
from llamaparse_worker.interfaces import Writer
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import ParsedPage
from llamaparse_worker.testing.writer_conformance import BLANK, FAILED, PARSED, WriterConformance, written

SECTIONS: dict[str, type[BaseModel]] = {
    "text": Text,
    "markdown": Markdown,
    "items": Items,
    "metadata": Metadata,
    "images_content_metadata": ImagesContentMetadata,
}


class TestMarkdownWriter(WriterConformance):
    @pytest.fixture
    def writer(self) -> Writer:
        return MarkdownWriter()


class TestTextWriter(WriterConformance):
    @pytest.fixture
    def writer(self) -> Writer:
        return TextWriter()


class TestJsonWriter(WriterConformance):
    @pytest.fixture
    def writer(self) -> Writer:
        return JsonWriter()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_official_client_validates_each_section_of_the_json(section: str) -> None:
    content = json.loads(written(JsonWriter(), [PARSED, BLANK, FAILED]))
    assert set(content) == set(SECTIONS)
    SECTIONS[section].model_validate_json(json.dumps(content[section]), strict=True)


def test_the_official_client_finds_every_kind_of_item() -> None:
    content = json.loads(written(JsonWriter(), [PARSED, FAILED]))
    job = {"id": "pjb-1", "project_id": "default", "status": "COMPLETED"}
    result = ParsingGetResponse.model_validate_json(json.dumps({"job": job, **content}))
    assert result.items is not None
    parsed, failed = result.items.pages
    assert isinstance(parsed, ItemsPageStructuredResultPage)
    assert [item.type for item in parsed.items] == ["heading", "text", "list", "table", "code"]
    assert failed.success is False


def test_a_page_tells_why_it_has_no_text() -> None:
    pages = json.loads(written(JsonWriter(), [PARSED, BLANK, FAILED]))["metadata"]["pages"]
    assert [(page.get("engine"), page.get("reason")) for page in pages] == [
        ("text_layer", None),
        ("text_layer", "blank"),
        (None, None),
    ]


def test_the_page_separator_names_the_page_that_follows() -> None:
    options = ParseOptions(page_separator="\n== {page_number} ==\n")
    content = written(MarkdownWriter(), [PARSED, BLANK, FAILED], options).decode()
    assert content == "# Title\n\nText\n== 2 ==\n\n== 3 ==\n<!-- page 3 failed: PAGE_UNREADABLE -->\n"


def test_plain_text_has_one_part_for_each_page() -> None:
    content = written(TextWriter(), [PARSED, BLANK, FAILED]).decode()
    assert content.split("\f") == ["Title\n\nText\n", "\n", "\n"]


def test_an_unfinished_file_stays_unfinished_when_writing_fails() -> None:
    class Stopped(Exception):
        pass

    def stopping() -> Iterator[ParsedPage]:
        yield PARSED
        raise Stopped

    with pytest.raises(Stopped):
        written(JsonWriter(), stopping())
