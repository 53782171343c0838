"""The parse options of the command line, shared by ``parse`` and ``submit``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llamaparse_worker.model.options import ModeName, ParseOptions, ResultKind
    from llamaparse_worker.wire import ParseConfiguration


def add_options(command: argparse.ArgumentParser) -> None:
    """Register the options."""
    command.add_argument("--mode", default="fast", choices=("fast", "balanced", "multimodal", "agentic"))
    command.add_argument(
        "--auto-mode",
        metavar="TRIGGERS",
        help="parse pages with one of these in the mode agentic, the others in --mode: table,image,unsure (a reading"
        " not to be relied on), text=TEXT, regexp=EXPRESSION (the last of the list)",
    )
    command.add_argument(
        "--whole-document", action="store_true", help="ask models about several pages at once, where they fit"
    )
    command.add_argument("--pages", metavar="1-3,7", help="the pages to parse; default: all")
    command.add_argument("--language", metavar="en,de", help="the languages of the text, for OCR")
    command.add_argument(
        "--images", metavar="KINDS", help="images to save, of: embedded,layout,screenshot; default: none"
    )
    command.add_argument(
        "--ocr",
        default="auto",
        metavar="auto|off|ENGINE",
        help="how pages without text are read: auto as OCR_ENGINE says",
    )
    command.add_argument(
        "--results", metavar="KINDS", help="result files to write, of: markdown,text,json; default: all"
    )


def results_from(args: argparse.Namespace) -> tuple[ResultKind, ...]:
    """Give the result files that the command line asks for.

    Raises:
        InvalidOption: there is no such kind.
    """
    from llamaparse_worker.errors import InvalidOption
    from llamaparse_worker.model.options import ResultKind

    try:
        return tuple(map(ResultKind, args.results.split(","))) if args.results else ()
    except ValueError:
        raise InvalidOption(f"--results {args.results} is not of {','.join(ResultKind)}") from None


def configuration_from(args: argparse.Namespace) -> ParseConfiguration:
    """Give the parse configuration that the command line asks for.

    Raises:
        InvalidOption: a value does not fit.
    """
    from pydantic import ValidationError

    from llamaparse_worker.errors import InvalidOption
    from llamaparse_worker.wire import ParseConfiguration

    asked: dict[str, object] = {}
    processing: dict[str, object] = {}
    if args.pages:
        asked["page_ranges"] = {"target_pages": args.pages}
    if args.language:
        processing["ocr_parameters"] = {"languages": args.language.split(",")}
    if args.auto_mode:
        processing["auto_mode_configuration"] = [{"parsing_conf": {"tier": "agentic"}, **_triggers(args.auto_mode)}]
    if processing:
        asked["processing_options"] = processing
    if args.images:
        asked["output_options"] = {"images_to_save": args.images.split(",")}
    try:
        return ParseConfiguration.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidOption(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _triggers(text: str) -> dict[str, object]:
    """Read triggers; an expression, which may hold commas, goes to the end.

    Raises:
        InvalidOption: there is no such trigger.
    """
    from llamaparse_worker.errors import InvalidOption

    kinds, has_expression, expression = f",{text}".partition(",regexp=")
    found: dict[str, object] = {"regexp_in_page": expression} if has_expression else {}
    flags = {"table": "table_in_page", "image": "image_in_page", "unsure": "page_md_error"}
    for kind in filter(None, kinds.split(",")):
        if kind in flags:
            found[flags[kind]] = True
        elif kind.startswith("text="):
            found["text_in_page"] = kind.removeprefix("text=")
        else:
            raise InvalidOption(f"--auto-mode: {kind} is not one of table, image, unsure, text=, regexp=")
    return found


def options_from(args: argparse.Namespace) -> ParseOptions:
    """Give the checked options.

    Raises:
        InvalidOption: a value does not fit.
        InvalidPageRange: ``--pages`` cannot be read.
    """
    from dataclasses import replace

    from llamaparse_worker.wire import options_of

    options = options_of(configuration_from(args), mode_from(args))
    whole = args.whole_document and options.asks_models
    return replace(options, ocr=args.ocr, results=results_from(args), whole_document=whole)


def mode_from(args: argparse.Namespace) -> ModeName:
    """Give the mode that is asked for; whether it can work is known where documents are parsed."""
    from llamaparse_worker.model.options import ModeName

    return ModeName(args.mode)


def asks_models(args: argparse.Namespace) -> bool:
    """Tell whether models may be asked; known without what reads the options."""
    return bool(args.mode != "fast" or args.auto_mode)
