# Programs and files whose names contain those of others.
./sshape surface.pdb
subset_traj --at 10 --service haddock
curlyq=1
python at_composition.py
grep -w at words.txt
ls -l data.nc su.pdb sudo.txt docker.log
export service="x"
git describe --tags > version.txt
git clone ./local-repo copy
host=node1; echo "$host"
tar xf inputs.tar && make -C src mount=no install DESTDIR="$PWD/inst"
cat a.txt | sh2csv > x.csv
evaluate.sh --mode perl
