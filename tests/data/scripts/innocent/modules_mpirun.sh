#!/bin/bash
#SBATCH --ntasks=16
module purge
module load intel/2023 openmpi
ulimit -s unlimited
export LD_LIBRARY_PATH=$HOME/lib:$LD_LIBRARY_PATH
mpirun -np 16 --bind-to core ./namd2 +ppn 1 config.namd > namd.log
srun -n 16 -c 2 vasp_std
mpiexec -n 4 python -m mpi4py run.py
time ./a.out < input.dat
nohup ./long.x > long.log 2>&1 &
wait $!
