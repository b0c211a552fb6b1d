#!/bin/bash
# HADDOCK3 docking
trap 'echo $? > .orchestrator.exit' EXIT
cat > docking.cfg <<EOF
run_dir = "run1"
ncores = $(nproc)
molecules = ["2oob_A.pdb", "2oob_B.pdb"]
[topoaa]
[rigidbody]
ambig_fname = "ambig.tbl"
sampling = 20
EOF
haddock3 docking.cfg
tar -czf run1.tgz run1/analysis
find run1 -name '*.pdb.gz' -exec gunzip {} \;
find . -name '*.tmp' -delete
