mkdir -p results
rsync -av --exclude '*.tmp' run1/ results/
rsync -a --delete run1/7_caprieval results/caprieval
cp -r run1/analysis "results/analysis of $(date +%F)"
mv results/old.log results/archive.log
ln -s ../data/ref.pdb ref.pdb
