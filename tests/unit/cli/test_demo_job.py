import math
import subprocess
from itertools import pairwise
from pathlib import Path

from orchestrator.cli.demo_job import Point, facing, helix, write_inputs


def atoms(name: str) -> list[Point]:
    return [point for found, point in helix() if found == name]


def test_the_helix_has_the_bond_lengths_of_a_peptide() -> None:
    next_nitrogens = atoms("N")[1:]

    bonds = {
        "N-CA": (list(zip(atoms("N"), atoms("CA"), strict=True)), 1.46),
        "CA-C": (list(zip(atoms("CA"), atoms("C"), strict=True)), 1.52),
        "C=O": (list(zip(atoms("C"), atoms("O"), strict=True)), 1.23),
        "CA-CB": (list(zip(atoms("CA"), atoms("CB"), strict=True)), 1.53),
        "C-N": (list(zip(atoms("C")[:-1], next_nitrogens, strict=True)), 1.33),
    }

    for ends, length in bonds.values():
        assert all(abs(math.dist(*pair) - length) < 0.02 for pair in ends)


def test_each_residue_rises_by_one_and_a_half_and_turns_by_a_hundred_degrees() -> None:
    for (x, y, z), (next_x, next_y, next_z) in pairwise(atoms("CA")):
        turn = math.degrees(math.atan2(next_y, next_x) - math.atan2(y, x)) % 360

        assert abs(next_z - z - 1.5) < 1e-9
        assert abs(turn - 100) < 1e-9


def test_the_helices_touch_without_clashing() -> None:
    distances = [math.dist(a, facing(b)) for _, a in helix() for _, b in helix()]

    assert min(distances) > 3.4


def test_the_script_counts_what_a_plain_loop_counts(tmp_path: Path) -> None:
    write_inputs(tmp_path)

    said = subprocess.run(
        ["bash", "run.sh"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout

    pairs = [
        (i // 5, j // 5)
        for i, (_, a) in enumerate(helix())
        for j, (_, b) in enumerate(helix())
        if math.dist(a, facing(b)) < 5
    ]
    assert said == f"{len(pairs)} atom pairs, {len(set(pairs))} residue pairs\n"
    rows = (tmp_path / "contacts.tsv").read_text().splitlines()[1:]
    assert len(rows) == len(set(pairs))
