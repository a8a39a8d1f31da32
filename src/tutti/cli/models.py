"""`tutti models`."""

from typing import Annotated, Any

import typer

from tutti.cli.common import told

TASKS = {"generators": "makes molecules", "forcefields": "energy and forces"}


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show all that is known of it.")
    ] = None,
) -> None:
    """List the trained models that ship with tutti, whose names stand for folders of models everywhere.

    Example: tutti models symphony
    """
    with told("Stopped."):
        from tutti.models import shipped

        found = [shipped.record_of(shipped.SHIPPED / each) for each in shipped.names()]
        if name is not None:
            from tutti.core.registry import closest

            known = {record["name"]: record for record in found}
            if name not in known:
                raise ValueError(f"no model that ships: {closest(name, known)}")
            print(_whole(known[name]))
            return
        print(_listed(found))


def _listed(found: list[dict[str, Any]]) -> str:
    from tabulate import tabulate

    from tutti.core.files import short
    from tutti.models.shipped import headline

    rows = [
        {
            "name": record["name"],
            "": TASKS[record["kind"]],
            "trained on": f"{record['data']['name']}, {record['data']['method']}",
            "elements": " ".join(record["trained_on"]["elements"]),
            "atoms": "-".join(map(str, dict.fromkeys(record["trained_on"]["atoms"]))),
            "test": headline(record),
            "SHA-256": short(record["weights_sha256"]),
        }
        for record in found
    ]
    return tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True)


def _whole(record: dict[str, Any]) -> str:
    """Its record but for the molecules that it is checked with."""
    import yaml

    shown = {key: value for key, value in record.items() if key != "check"}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110).rstrip()
