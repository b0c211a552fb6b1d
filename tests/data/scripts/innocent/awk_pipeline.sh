#!/bin/bash
grep '^ATOM' model.pdb | awk '{ print $3, $7, $8, $9 }' | sort -k1,1 -u > atoms.txt
awk -F: '/root|leaf/ { n++ } END { print n }' tree.txt
awk '$5 > 3 && /su/ {s += $2} END {printf "%.3f\n", s/NR}' energies.dat
sed -e 's#/etc/passwd#x#' -e 's/sudo/please/g' log.txt | cut -d' ' -f2 | tr a-z A-Z
paste <(cut -f1 a.tsv) <(cut -f2 b.tsv) | column -t
zcat reads.fastq.gz | head -n 4 | rev | tr ACGT TGCA
