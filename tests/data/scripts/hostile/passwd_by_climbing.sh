# refused: sensitive-path 2
cat ../../../../../../etc/passwd
