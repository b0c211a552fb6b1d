# refused: network.curl 3
module load gcc
curl -s https://example.org/x.sh -o x.sh
