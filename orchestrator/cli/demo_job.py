"""The demo's job: where two alpha helices touch, counted by a shell script and awk."""

import math
from pathlib import Path

# One residue on its cylinder: radius (Å), angle (degrees), height (Å) from its CA.
# Ideal alpha helix: phi -66, psi -39, omega 178, hydrogen bonds N-O of 2.9 Å.
_RESIDUE = {
    "N": (1.53, -26.6, -0.91),
    "CA": (2.28, 0.0, 0.0),
    "C": (1.73, 28.5, 1.03),
    "O": (2.05, 24.2, 2.21),
    "CB": (3.37, 15.5, -0.78),
}
_RISE = 1.5
_TURN = 100.0
_LENGTH = 14
# Packed as in a coil of alanines: the side chains interlock, nothing clashes.
_FIRST_ANGLE = 80.0
_BETWEEN_AXES = 8.5
_SHIFT = 1.0

type Point = tuple[float, float, float]

RUN = """\
#!/bin/bash
# Contacts between two chains: pairs of heavy atoms closer than 5 Å.
set -euo pipefail
awk -f contacts.awk chain_a.pdb chain_b.pdb > contacts.tsv
awk -F '\\t' 'NR > 1 { atoms += $5; residues++ }
    END { print atoms + 0 " atom pairs, " residues + 0 " residue pairs" }' contacts.tsv
"""

CONTACTS = """\
# Columns of the PDB format are fixed; one table row for each pair of residues.
BEGIN { limit = 5.0; OFS = "\\t" }
FNR == 1 { file++ }
/^ATOM/ && substr($0, 77, 2) !~ /^ *[HD] *$/ {
    residue = substr($0, 18, 3) OFS substr($0, 23, 5) + 0
    x = substr($0, 31, 8) + 0; y = substr($0, 39, 8) + 0; z = substr($0, 47, 8) + 0
    if (file == 1) {
        n++; names[n] = residue; xs[n] = x; ys[n] = y; zs[n] = z
    } else for (i = 1; i <= n; i++) {
        d = sqrt((x - xs[i]) ^ 2 + (y - ys[i]) ^ 2 + (z - zs[i]) ^ 2)
        if (d < limit) {
            pair = names[i] OFS residue
            if (!(pair in count)) order[++pairs] = pair
            if (!(pair in count) || d < nearest[pair]) nearest[pair] = d
            count[pair]++
        }
    }
}
END {
    print "name_a", "residue_a", "name_b", "residue_b", "atom_pairs", "nearest"
    for (p = 1; p <= pairs; p++)
        print order[p], count[order[p]], sprintf("%.2f", nearest[order[p]])
}
"""


def write_inputs(directory: Path) -> list[Path]:
    """Return the job's files, written to a directory."""
    contents = {
        "run.sh": RUN,
        "contacts.awk": CONTACTS,
        "chain_a.pdb": pdb("A", helix()),
        "chain_b.pdb": pdb("B", [(name, facing(point)) for name, point in helix()]),
    }
    for name, content in contents.items():
        (directory / name).write_text(content, encoding="utf-8")
    return [directory / name for name in contents]


def helix() -> list[tuple[str, Point]]:
    """Return the atoms of an ideal alpha helix of alanines along z, in order."""
    return [
        (
            name,
            _on_cylinder(radius, _FIRST_ANGLE + angle + _TURN * i, height + _RISE * i),
        )
        for i in range(_LENGTH)
        for name, (radius, angle, height) in _RESIDUE.items()
    ]


def facing(point: Point) -> Point:
    """Return the point turned upside down and put beside: an antiparallel helix."""
    x, y, z = point
    return _BETWEEN_AXES - x, y, _SHIFT + _RISE * (_LENGTH - 1) - z


def pdb(chain: str, atoms: list[tuple[str, Point]]) -> str:
    """Return atoms as the lines of a PDB file."""
    lines = [
        f"ATOM  {serial:5d}  {name:<3} ALA {chain}{(serial - 1) // len(_RESIDUE) + 1:4d}"
        f"    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           {name[0]}  "
        for serial, (name, (x, y, z)) in enumerate(atoms, start=1)
    ]
    return "\n".join([*lines, "TER", "END", ""])


def _on_cylinder(radius: float, angle: float, height: float) -> Point:
    turned = math.radians(angle)
    return radius * math.cos(turned), radius * math.sin(turned), height
