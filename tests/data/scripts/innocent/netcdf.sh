#!/bin/bash
# Regrid the forecast; the network is not needed (no curl, no wget, no sudo).
set -euo pipefail
trap 'echo $? > .orchestrator.exit' EXIT
module load netcdf nco
ncdump -h data.nc > header.txt
ncks -v temperature data.nc subset.nc
ncatted -O -a units,temperature,o,c,K subset.nc
for file in *.nc; do
  echo "transform a/b of $file"
  ncrename -v lat,latitude "$file" "renamed_$file"
done
