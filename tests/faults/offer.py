"""Offers the plugin that hurts to workers."""

from __future__ import annotations

from pathlib import Path


def offered(folder: Path) -> dict[str, str]:
    """Offer ``faults.plugin`` to the workers, as a distribution that lies in ``folder``."""
    owner = folder / "plugins" / "trapped-1.dist-info"
    owner.mkdir(parents=True)
    (owner / "METADATA").write_text("Metadata-Version: 2.1\nName: trapped\nVersion: 1\n")
    offers = {"broker": "broker", "jobs": "jobs", "objects": "objects", "reader": "CountingReader"}
    (owner / "entry_points.txt").write_text(
        "\n".join(f"[llamaparse_worker.{seam}]\ntrapped = faults.plugin:{name}" for seam, name in offers.items())
    )
    return {
        "PYTHONPATH": f"{owner.parent}:{Path(__file__).parents[1]}",
        "PLUGINS": ",".join(f"{seam}:trapped" for seam in offers),
        "BROKER": "trapped",
        "JOBS": "trapped",
        "OBJECTS": "trapped",
    }
