#!/bin/bash
set -e
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}
GMX=$(command -v gmx_mpi || command -v gmx)
echo "Protein" | $GMX pdb2gmx -f 1aki.pdb -o processed.gro -water spce -ff oplsaa -ignh
$GMX editconf -f processed.gro -o box.gro -c -d 1.0 -bt cubic
$GMX solvate -cp box.gro -cs spc216.gro -o solv.gro -p topol.top
$GMX grompp -f ions.mdp -c solv.gro -p topol.top -o ions.tpr
printf 'SOL\n' | $GMX genion -s ions.tpr -o ions.gro -p topol.top -pname NA -nname CL -neutral
for step in em nvt npt md; do
  $GMX grompp -f $step.mdp -c ions.gro -p topol.top -o $step.tpr
  mpirun -np 4 $GMX mdrun -deffnm "$step" -ntomp "$OMP_NUM_THREADS"
done
$GMX energy -f md.edr -o potential.xvg <<< "Potential"
