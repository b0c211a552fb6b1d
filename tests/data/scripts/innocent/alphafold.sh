#!/bin/bash
#SBATCH --gres=gpu:1
export TF_FORCE_UNIFIED_MEMORY=1
export APPTAINER_BIND=/data
apptainer exec --nv af2.sif python run_alphafold.py \
  --fasta_paths=target.fasta \
  --data_dir=/data/alphafold \
  --output_dir="$PWD/out"
singularity run tool.sif in.pdb
find out -maxdepth 1 -name 'ranked_*.pdb' | sort | xargs -I {} cp {} models/
find out -name '*.pkl' -print0 | xargs -0 rm -f
