"""The commands about the rig itself: stop it, find its devices, check them."""

import argparse
import json

from campaign.suitable import MakeBench


def rig_command(arguments: argparse.Namespace, make_bench: MakeBench) -> int:
    match arguments.command:
        case "stop":
            return _stop(arguments)
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    """Returns 1 when a device did not confirm: somebody must go and look."""
    from hardware.host.door import stop_everything

    answers = stop_everything()
    if arguments.json:
        print(json.dumps(answers))
    elif not answers:
        print("No rig of yours is open on this computer.")
    for rig, unconfirmed in answers.items() if not arguments.json else ():
        told = f"NOT confirmed by {', '.join(unconfirmed)}: go and look" if unconfirmed else "stopped"
        print(f"{rig}: {told}")
    return 1 if any(answers.values()) else 0
