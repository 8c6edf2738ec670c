"""``python -m core weights``: finding, checking, fetching and slimming the FaceLift weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..engines import registry
from ..progress import Reporter
from ..system.console import Console
from ..weights.download import download
from ..weights.errors import WeightsError
from ..weights.places import weights_home
from ..weights.record import HashRecord
from ..weights.remove import remove_original
from ..weights.resolve import DOWNLOADED_NAME, SLIMMED_NAME, resolve
from ..weights.slim import slim
from ..weights.table import LICENCE_FILE, OFFICIAL, FileTable
from ..weights.verify import table_of, verify

EXIT_PROBLEMS = 1
AGREED = ("y", "yes")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a program's; each action's ``command`` takes options and console, returns the exit status."""
    weights = commands.add_parser("weights", help="find, check, download and slim the FaceLift weights")
    actions = weights.add_subparsers(required=True)

    found = actions.add_parser("resolve", help="print the checkpoint folder that would be used")
    found.set_defaults(command=_resolve)
    checked = actions.add_parser("verify", help="check every file of a checkpoint")
    checked.set_defaults(command=_verify)
    checked.add_argument("--quick", action="store_true", help="sizes and structure only, without hashes")
    checked.add_argument("--anew", action="store_true", help="hash files again that were hashed before")
    fetched = actions.add_parser("download", help="fetch what is missing or damaged; resumes")
    fetched.set_defaults(command=_download)
    fetched.add_argument(
        "--accept-licence", action="store_true", help="agree to the weights' licence without being asked"
    )
    slimmed = actions.add_parser("slim", help="write the checkpoint as float16 without what is never read")
    slimmed.set_defaults(command=_slim)
    slimmed.add_argument("-o", "--out", type=Path, help=f"new folder (default: {SLIMMED_NAME} in the weights folder)")
    slimmed.add_argument("--any", action="store_true", help="take the checkpoint as it is, whatever its hashes")
    slimmed.add_argument("--delete-original", action="store_true", help="delete the original once all is checked")
    tabled = actions.add_parser("table", help="print a table of a folder's files, for mirrors and own checkpoints")
    tabled.set_defaults(command=_table)
    tabled.add_argument("--repository", default="", help="repository that the table is for")
    tabled.add_argument("--revision", default="", help="its commit")
    tabled.add_argument("--licence", default="", help="name of the licence")
    for action in (found, checked, fetched, slimmed):
        action.add_argument("folder", nargs="?", type=Path, help="checkpoint folder (default: the usual places)")
        action.add_argument("--table", type=Path, help="table of files to go by (default: the official one)")
    tabled.add_argument("folder", type=Path, help="checkpoint folder")


def _chosen_table(options: argparse.Namespace) -> FileTable | None:
    return FileTable.read(options.table) if options.table else None


def _reporter(console: Console) -> Reporter:
    return Reporter(lambda progress: console.progress("weights", progress))


def _resolve(options: argparse.Namespace, console: Console) -> int:
    location = resolve(options.folder, _chosen_table(options) or OFFICIAL)
    console.message(f"{location.source}, {'slimmed' if location.slimmed else 'original'} form")
    print(location.folder)
    return 0


def _verify(options: argparse.Namespace, console: Console) -> int:
    table = _chosen_table(options)
    folder = resolve(options.folder, table or OFFICIAL).folder
    record = None if options.anew else HashRecord.of_user()
    report = verify(folder, table or table_of(folder), _reporter(console), record, deep=not options.quick)
    for problem in report.problems:
        print(f"{problem.message} {problem.remedy}")
    state = f"{len(report.problems)} not right" if report.problems else "all right"
    console.message(f"{report.folder}: {report.files} files, {report.size / 1e9:.2f} GB, {state}")
    return EXIT_PROBLEMS if report.problems else 0


def _download(options: argparse.Namespace, console: Console) -> int:
    table = _chosen_table(options) or OFFICIAL
    folder = options.folder or weights_home() / DOWNLOADED_NAME
    accepted = options.accept_licence or _ask_for_consent(folder, table, console)
    fetched = download(folder, table, _reporter(console), licence_accepted=accepted, record=HashRecord.of_user())
    console.message(f"{len(fetched)} files fetched; the weights are in {folder}")
    print(folder)
    return 0


def _ask_for_consent(folder: Path, table: FileTable, console: Console) -> bool:
    """Show the licence in full and ask; only a person at a terminal can agree."""
    if not sys.stdin.isatty():
        return False
    download(folder, table, _reporter(console), only=[LICENCE_FILE])
    print((folder / LICENCE_FILE).read_text(encoding="utf-8", errors="replace"))
    return input(f"Do you accept the {table.licence}? [y/N] ").strip().lower() in AGREED


def _slim(options: argparse.Namespace, console: Console) -> int:
    # torch is imported only here; the other commands work without it.
    models = registry.load_setup(registry.with_setup().id).models
    table = _chosen_table(options) or OFFICIAL
    found = resolve(options.folder, table)
    target = options.out or weights_home() / SLIMMED_NAME
    if found.slimmed and not target.exists():
        raise WeightsError(f"{found.folder} is slimmed already.", "Name the folder of the original checkpoint.")
    target.parent.mkdir(parents=True, exist_ok=True)
    record = HashRecord.of_user()
    result = slim(found.folder, target, models, None if options.any else table, _reporter(console), record)
    console.message(f"{result.original_size / 1e9:.2f} GB became {result.size / 1e9:.2f} GB in {result.folder}")
    for name, difference in result.differences.items():
        console.message(f"  {name}: outputs differ by {difference:.1e}")
    for name in result.kept:
        console.message(f"  kept in float32: {name}")
    if options.delete_original:
        removal = remove_original(found.folder, result.folder, _reporter(console))
        console.message(f"{len(removal.removed)} files of the original deleted, {removal.freed / 1e9:.2f} GB freed")
        for name in removal.left:
            console.message(f"  left, changed or outside the folder: {name}")
    print(result.folder)
    return 0


def _table(options: argparse.Namespace, console: Console) -> int:
    if not options.folder.is_dir():
        raise WeightsError(f"The folder {options.folder} does not exist.", "Name a checkpoint folder.")
    print(FileTable.of_folder(options.folder, options.repository, options.revision, options.licence).to_json())
    return 0
