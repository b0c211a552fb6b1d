# refused: sensitive-path 3
cd /etc
cat shadow
