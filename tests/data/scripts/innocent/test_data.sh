dd if=/dev/zero of=padding.bin bs=1024 count=16
head -c 1M /dev/urandom > noise.bin
dd if=/dev/urandom bs=1k count=4 2> /dev/null | sha256sum
SEED=$(od -An -N4 -tu4 /dev/urandom)
./monte_carlo --seed $SEED
base64 noise.bin > noise.txt
base64 -d template.b64 > template.bin
