# refused: network.dev-tcp 3
host=198.51.100.1
exec 3<>"/dev/tcp/$host/80"
