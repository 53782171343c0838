from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

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
from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.geometry import Box
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


def test_a_long_result_in_a_file_is_the_same_as_in_memory_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    pages = [replace(PARSED, number=number, text="long " * 5000) for number in range(1, 100)]
    with (tmp_path / "result.json").open("wb") as out, JsonWriter().open(out, ParseOptions()) as sink:
        for page in pages:
            sink.add(page)

    assert (tmp_path / "result.json").read_bytes() == written(JsonWriter(), pages)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


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


RUNNING = replace(
    PARSED,
    header=(Paragraph("Annals", Box(72, 30, 120, 40)),),
    footer=(Paragraph("vii", Box(280, 800, 290, 810)),),
    printed_number="vii",
)


def test_a_prefix_and_a_suffix_stand_around_each_page() -> None:
    options = ParseOptions(page_separator="|", page_prefix="<{page_number}>", page_suffix="</{page_number}>")
    content = written(MarkdownWriter(), [PARSED, BLANK], options).decode()
    assert content == "<1># Title\n\nText</1>|<2></2>\n"


def test_running_heads_are_in_the_markdown_only_where_they_are_asked_for() -> None:
    assert written(MarkdownWriter(), [RUNNING]).decode() == "# Title\n\nText\n"
    shown = written(MarkdownWriter(), [RUNNING], ParseOptions(hide_headers=False, hide_footers=False)).decode()
    assert shown == "Annals\n\n# Title\n\nText\n\nvii\n"


def test_running_heads_are_items_of_their_own() -> None:
    content = json.loads(written(JsonWriter(), [RUNNING]))
    Items.model_validate_json(json.dumps(content["items"]), strict=True)
    (page,) = content["items"]["pages"]
    assert [item["type"] for item in page["items"]] == ["header", "heading", "text", "list", "table", "code", "footer"]
    assert page["items"][0]["items"][0]["value"] == "Annals"
    (markdown,) = content["markdown"]["pages"]
    assert (markdown["header"], markdown["footer"]) == ("Annals", "vii")


@pytest.mark.parametrize(("asked", "expected"), [(True, "vii"), (False, None)])
def test_the_printed_page_number_is_told_on_request(*, asked: bool, expected: str | None) -> None:
    content = json.loads(written(JsonWriter(), [RUNNING], ParseOptions(extract_printed_page_number=asked)))
    assert content["metadata"]["pages"][0].get("printed_page_number") == expected


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
